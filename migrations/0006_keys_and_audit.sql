-- Keys, and the log of administrative changes. Breaks nothing. A server of an earlier version asks nobody for a key: stop all of
-- them before you create the first key.

-- One row per key. The secret is not stored: only its SHA-256 hash, of 256 random bits, which cannot be guessed back.
create table keys (
  -- Empty for operators.
  project text collate "C" not null check (octet_length(project) <= 256),
  key_id text collate "C" not null check (octet_length(key_id) between 1 and 64),
  secret_hash text collate "C" not null,
  -- The beginning of the secret.
  prefix text not null,
  name text not null check (octet_length(name) between 1 and 256),
  role text not null check (role in ('READER', 'SPENDER', 'ADMIN', 'OPERATOR')),
  -- The budget to which the key is bound.
  user_id text collate "C" check (octet_length(user_id) between 1 and 256),
  calls_per_second_max integer check (calls_per_second_max > 0),
  calls_in_flight_max integer check (calls_in_flight_max > 0),
  created_at timestamptz not null,
  creator text not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  -- Accurate to the hour, so that a key is written once an hour at most.
  used_at timestamptz,
  primary key (project, key_id),
  check ((role = 'OPERATOR') = (project = '')),
  check (user_id is null or role in ('READER', 'SPENDER'))
);

-- Callers send the secret alone, so a key is found by its hash in all projects.
create index keys_by_hash on keys (secret_hash);

-- Administrative changes. Rows are only ever inserted, in the transaction of their change.
create table audit_entries (
  -- Empty for changes of operators' keys.
  project text collate "C" not null check (octet_length(project) <= 256),
  audit_id text collate "C" not null check (octet_length(audit_id) between 1 and 64),
  created_at timestamptz not null,
  actor text collate "C" not null,
  action text not null check (
    action in (
      'CREATE_BUDGET', 'UPDATE_BUDGET', 'DELETE_BUDGET', 'RESET_COST', 'REFUND_COST',
      'SET_MODEL_PRICE', 'DELETE_MODEL_PRICE', 'CREATE_KEY', 'REVOKE_KEY'
    )
  ),
  -- The user of a budget, the model of a price, or the id of a key.
  subject text collate "C" not null,
  before jsonb,
  after jsonb,
  primary key (project, audit_id)
);

create index audit_entries_by_time on audit_entries (project, created_at, audit_id);
-- The history of one budget, price or key, and what one caller did.
create index audit_entries_by_subject on audit_entries (project, subject, created_at, audit_id);
create index audit_entries_by_actor on audit_entries (project, actor, created_at, audit_id);
