-- Refunds: a correction names the charge that it takes back. Breaks nothing: servers of the version before write no corrections.
alter table entries add column corrects_request_id text collate "C";
alter table entries drop constraint entries_source_check;
-- Not validated: what the old constraint allowed, this one allows, and a ledger may be too long to read under a lock.
alter table entries add constraint entries_source_check
  check (source in ('COMPLETION', 'TEXT', 'USAGE', 'COST', 'RESET', 'LEGACY', 'RESERVATION', 'REFUND')) not valid;
alter table entries add constraint entries_correction_check
  check (kind <> 'CORRECTION' or (cost_nano_usd < 0 and corrects_request_id is not null)) not valid;
create index entries_by_corrected on entries (project, corrects_request_id) where corrects_request_id is not null;
