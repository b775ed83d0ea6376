-- What of the records that LiteLLM's BudgetManager posts was counted already. Breaks nothing: maps that were posted before
-- stay in legacy_maps until their project is asked for, and become budgets then.
create table legacy_records (
  project text collate "C" not null check (octet_length(project) between 1 and 256),
  -- The answer of /get_budget that the client loaded its map from; of a record that the client made, what tells it apart.
  session_id text collate "C" not null check (octet_length(session_id) between 1 and 64),
  user_id text collate "C" not null check (octet_length(user_id) between 1 and 256),
  -- [["gpt-4o", "50000000"], ...]: the most that the record said of each model, in nano-USD, since it last began at zero,
  -- and the same of right before that.
  costs jsonb not null,
  costs_before jsonb not null,
  raised_at timestamptz not null,
  begun_at timestamptz,
  beginnings integer not null,
  -- The record's own last_updated_at, total and duration, as last taken over.
  last_updated_at timestamptz,
  total_nano_usd bigint check (total_nano_usd >= 0),
  duration_days integer,
  -- When the session last posted, to the day. Sessions that were handed out end when they post no more.
  seen_at timestamptz not null,
  is_handed_out boolean not null,
  primary key (project, session_id, user_id)
) with (fillfactor = 70);
