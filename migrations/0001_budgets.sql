-- The first schema: budgets, their costs by model, closed periods, the ledger, reservations. Breaks nothing: there was nothing.
--
-- Every primary key starts with `project`, so that a PostgreSQL which shards by one column can shard by it; no foreign
-- key crosses projects. Money is bigint nano-USD. Names are compared by bytes (collation "C"): the order of locks and of
-- pages must not depend on the machine's locale.

-- One row per budget is the truth, and is locked while it changes.
create table budgets (
  project text collate "C" not null check (octet_length(project) between 1 and 256),
  user_id text collate "C" not null check (octet_length(user_id) between 1 and 256),
  total_nano_usd bigint not null check (total_nano_usd >= 0),
  spent_nano_usd bigint not null default 0,
  held_nano_usd bigint not null default 0 check (held_nano_usd >= 0),
  -- A period is all four of these, or none.
  period_unit text check (period_unit in ('DAY', 'WEEK', 'MONTH', 'YEAR')),
  period_count integer check (period_count between 1 and 1000),
  period_anchor timestamptz,
  period_time_zone text,
  -- The current period. Its id is the microsecond at which it was opened; ids of one budget only ever grow.
  period_id bigint not null,
  period_start timestamptz not null,
  period_end timestamptz,
  -- The user of another budget of the same project, and per-model limits: [{"model": ..., "limit_nano_usd": "...",
  -- "spent_nano_usd": "...", "held_nano_usd": "..."}], with the balances of each.
  parent_user_id text collate "C",
  model_limits jsonb,
  -- Hash of what CreateBudget was called with, so that a repeated call is told from a different one.
  creation_fingerprint text not null,
  created_at timestamptz not null,
  -- Strictly increasing: the clock of the budget, which also dates its entries.
  updated_at timestamptz not null,
  primary key (project, user_id),
  check (num_nulls(period_unit, period_count, period_anchor, period_time_zone, period_end) in (0, 5)),
  check (period_end > period_start)
  -- Half-empty pages let a hot row be updated in place, without touching an index.
) with (fillfactor = 50);

-- For the sweep alone. period_end changes once a period, so hot updates stay in place.
create index budgets_due on budgets (project, period_end) where period_end is not null;
create index budgets_by_parent on budgets (project, parent_user_id) where parent_user_id is not null;

-- What each model spent of a budget, by period: old rows are the closed periods' detail.
create table model_costs (
  project text collate "C" not null,
  user_id text collate "C" not null,
  period_id bigint not null,
  model text collate "C" not null,
  cost_nano_usd bigint not null,
  primary key (project, user_id, period_id, model)
) with (fillfactor = 50);

-- Closed periods. Final once written.
create table periods (
  project text collate "C" not null,
  user_id text collate "C" not null,
  period_id bigint not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  spent_nano_usd bigint not null,
  total_nano_usd bigint not null check (total_nano_usd >= 0),
  primary key (project, user_id, period_id)
);

-- The ledger. Rows are only ever inserted; the key is what makes a repeated request charge once.
create table entries (
  project text collate "C" not null,
  request_id text collate "C" not null check (octet_length(request_id) between 1 and 128),
  user_id text collate "C" not null,
  request_fingerprint text not null,
  kind text not null check (kind in ('CHARGE', 'RESET', 'CORRECTION')),
  source text not null check (source in ('COMPLETION', 'TEXT', 'USAGE', 'COST', 'RESET', 'LEGACY', 'RESERVATION')),
  model text collate "C",
  cost_nano_usd bigint not null,
  -- What was priced, and how: {"usage": {...}, "price": {...}}. Null when the caller gave the amount.
  detail jsonb,
  reservation_id text,
  -- The ancestors that the amount counted on as well, nearest first.
  ancestors text[] not null default '{}',
  -- The budget right after the entry: the answer to give again when the request is repeated.
  period_id bigint not null,
  period_start timestamptz not null,
  period_end timestamptz,
  spent_after_nano_usd bigint not null,
  held_after_nano_usd bigint not null,
  total_after_nano_usd bigint not null,
  created_at timestamptz not null,
  primary key (project, request_id),
  check (kind <> 'CHARGE' or cost_nano_usd >= 0),
  check (kind <> 'RESET' or cost_nano_usd = 0)
);

create index entries_by_user on entries (project, user_id, created_at, request_id);
create index entries_by_time on entries (project, created_at, request_id);

-- Money held before a call. HELD, then exactly once one of the others. The id is the request id that opened it.
create table reservations (
  project text collate "C" not null,
  reservation_id text collate "C" not null check (octet_length(reservation_id) between 1 and 128),
  user_id text collate "C" not null,
  model text collate "C" not null,
  held_nano_usd bigint not null check (held_nano_usd >= 0),
  state text not null check (state in ('HELD', 'SETTLED', 'RELEASED', 'EXPIRED')),
  on_expiry text not null check (on_expiry in ('RELEASE', 'CHARGE')),
  request_fingerprint text not null,
  detail jsonb,
  -- The ancestors that hold it too, nearest first.
  ancestors text[] not null default '{}',
  created_at timestamptz not null,
  expires_at timestamptz not null,
  closed_at timestamptz,
  primary key (project, reservation_id),
  check ((state = 'HELD') = (closed_at is null))
) with (fillfactor = 70);

-- Only open reservations are looked for, by their end, by their budget and by the ancestors that hold them.
create index reservations_held on reservations (project, expires_at) where state = 'HELD';
create index reservations_by_user on reservations (project, user_id, reservation_id);
create index reservations_by_ancestor on reservations using gin (ancestors) where state = 'HELD';

-- The map that LiteLLM's BudgetManager posts to /set_budget, as it came: json, not jsonb, keeps the order of its keys.
create table legacy_maps (
  project text collate "C" primary key check (octet_length(project) between 1 and 256),
  user_dict json not null,
  updated_at timestamptz not null
);
