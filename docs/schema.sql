-- The schema of this version, as `npm run docs:schema` reads it from a migrated database. It is for reading: servers make
-- the schema from migrations/, whose comments say what the tables and columns are for.

create table audit_entries (
  project text collate "C" not null,
  audit_id text collate "C" not null,
  created_at timestamp with time zone not null,
  actor text collate "C" not null,
  action text not null,
  subject text collate "C" not null,
  before jsonb,
  after jsonb,
  constraint audit_entries_pkey PRIMARY KEY (project, audit_id),
  constraint audit_entries_action_check CHECK ((action = ANY (ARRAY['CREATE_BUDGET'::text, 'UPDATE_BUDGET'::text, 'DELETE_BUDGET'::text, 'RESET_COST'::text, 'REFUND_COST'::text, 'SET_MODEL_PRICE'::text, 'DELETE_MODEL_PRICE'::text, 'CREATE_KEY'::text, 'REVOKE_KEY'::text]))),
  constraint audit_entries_audit_id_check CHECK (((octet_length(audit_id) >= 1) AND (octet_length(audit_id) <= 64))),
  constraint audit_entries_project_check CHECK ((octet_length(project) <= 256))
);

create table budgets (
  project text collate "C" not null,
  user_id text collate "C" not null,
  total_nano_usd bigint not null,
  spent_nano_usd bigint not null default 0,
  held_nano_usd bigint not null default 0,
  period_unit text,
  period_count integer,
  period_anchor timestamp with time zone,
  period_time_zone text,
  period_id bigint not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone,
  parent_user_id text collate "C",
  model_limits jsonb,
  creation_fingerprint text not null,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  constraint budgets_pkey PRIMARY KEY (project, user_id),
  constraint budgets_check CHECK ((num_nulls(period_unit, period_count, period_anchor, period_time_zone, period_end) = ANY (ARRAY[0, 5]))),
  constraint budgets_check1 CHECK ((period_end > period_start)),
  constraint budgets_held_nano_usd_check CHECK ((held_nano_usd >= 0)),
  constraint budgets_period_count_check CHECK (((period_count >= 1) AND (period_count <= 1000))),
  constraint budgets_period_unit_check CHECK ((period_unit = ANY (ARRAY['DAY'::text, 'WEEK'::text, 'MONTH'::text, 'YEAR'::text]))),
  constraint budgets_project_check CHECK (((octet_length(project) >= 1) AND (octet_length(project) <= 256))),
  constraint budgets_total_nano_usd_check CHECK ((total_nano_usd >= 0)),
  constraint budgets_user_id_check CHECK (((octet_length(user_id) >= 1) AND (octet_length(user_id) <= 256)))
) with (fillfactor=50);

create table entries (
  project text collate "C" not null,
  request_id text collate "C" not null,
  user_id text collate "C" not null,
  request_fingerprint text not null,
  kind text not null,
  source text not null,
  model text collate "C",
  cost_nano_usd bigint not null,
  detail jsonb,
  reservation_id text,
  ancestors text[] not null default '{}'::text[],
  period_id bigint not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone,
  spent_after_nano_usd bigint not null,
  held_after_nano_usd bigint not null,
  total_after_nano_usd bigint not null,
  created_at timestamp with time zone not null,
  corrects_request_id text collate "C",
  constraint entries_pkey PRIMARY KEY (project, request_id),
  constraint entries_check CHECK (((kind <> 'CHARGE'::text) OR (cost_nano_usd >= 0))),
  constraint entries_check1 CHECK (((kind <> 'RESET'::text) OR (cost_nano_usd = 0))),
  constraint entries_kind_check CHECK ((kind = ANY (ARRAY['CHARGE'::text, 'RESET'::text, 'CORRECTION'::text]))),
  constraint entries_request_id_check CHECK (((octet_length(request_id) >= 1) AND (octet_length(request_id) <= 128)))
);

create table keys (
  project text collate "C" not null,
  key_id text collate "C" not null,
  secret_hash text collate "C" not null,
  prefix text not null,
  name text not null,
  role text not null,
  user_id text collate "C",
  calls_per_second_max integer,
  calls_in_flight_max integer,
  created_at timestamp with time zone not null,
  creator text not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  used_at timestamp with time zone,
  constraint keys_pkey PRIMARY KEY (project, key_id),
  constraint keys_calls_in_flight_max_check CHECK ((calls_in_flight_max > 0)),
  constraint keys_calls_per_second_max_check CHECK ((calls_per_second_max > 0)),
  constraint keys_check CHECK (((role = 'OPERATOR'::text) = (project = ''::text))),
  constraint keys_check1 CHECK (((user_id IS NULL) OR (role = ANY (ARRAY['READER'::text, 'SPENDER'::text])))),
  constraint keys_key_id_check CHECK (((octet_length(key_id) >= 1) AND (octet_length(key_id) <= 64))),
  constraint keys_name_check CHECK (((octet_length(name) >= 1) AND (octet_length(name) <= 256))),
  constraint keys_project_check CHECK ((octet_length(project) <= 256)),
  constraint keys_role_check CHECK ((role = ANY (ARRAY['READER'::text, 'SPENDER'::text, 'ADMIN'::text, 'OPERATOR'::text]))),
  constraint keys_user_id_check CHECK (((octet_length(user_id) >= 1) AND (octet_length(user_id) <= 256)))
);

create table legacy_maps (
  project text collate "C" not null,
  user_dict json not null,
  updated_at timestamp with time zone not null,
  constraint legacy_maps_pkey PRIMARY KEY (project),
  constraint legacy_maps_project_check CHECK (((octet_length(project) >= 1) AND (octet_length(project) <= 256)))
);

create table legacy_records (
  project text collate "C" not null,
  session_id text collate "C" not null,
  user_id text collate "C" not null,
  costs jsonb not null,
  costs_before jsonb not null,
  raised_at timestamp with time zone not null,
  begun_at timestamp with time zone,
  beginnings integer not null,
  last_updated_at timestamp with time zone,
  total_nano_usd bigint,
  duration_days integer,
  seen_at timestamp with time zone not null,
  is_handed_out boolean not null,
  constraint legacy_records_pkey PRIMARY KEY (project, session_id, user_id),
  constraint legacy_records_project_check CHECK (((octet_length(project) >= 1) AND (octet_length(project) <= 256))),
  constraint legacy_records_session_id_check CHECK (((octet_length(session_id) >= 1) AND (octet_length(session_id) <= 64))),
  constraint legacy_records_total_nano_usd_check CHECK ((total_nano_usd >= 0)),
  constraint legacy_records_user_id_check CHECK (((octet_length(user_id) >= 1) AND (octet_length(user_id) <= 256)))
) with (fillfactor=70);

create table model_costs (
  project text collate "C" not null,
  user_id text collate "C" not null,
  period_id bigint not null,
  model text collate "C" not null,
  cost_nano_usd bigint not null,
  constraint model_costs_pkey PRIMARY KEY (project, user_id, period_id, model)
) with (fillfactor=50);

create table model_prices (
  project text collate "C" not null,
  model text collate "C" not null,
  rates jsonb not null,
  updated_at timestamp with time zone not null,
  constraint model_prices_pkey PRIMARY KEY (project, model),
  constraint model_prices_model_check CHECK (((octet_length(model) >= 1) AND (octet_length(model) <= 256))),
  constraint model_prices_project_check CHECK (((octet_length(project) >= 1) AND (octet_length(project) <= 256)))
);

create table periods (
  project text collate "C" not null,
  user_id text collate "C" not null,
  period_id bigint not null,
  period_start timestamp with time zone not null,
  period_end timestamp with time zone not null,
  spent_nano_usd bigint not null,
  total_nano_usd bigint not null,
  constraint periods_pkey PRIMARY KEY (project, user_id, period_id),
  constraint periods_total_nano_usd_check CHECK ((total_nano_usd >= 0))
);

create table purser_migrations (
  version integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint purser_migrations_pkey PRIMARY KEY (version)
);

create table reservations (
  project text collate "C" not null,
  reservation_id text collate "C" not null,
  user_id text collate "C" not null,
  model text collate "C" not null,
  held_nano_usd bigint not null,
  state text not null,
  on_expiry text not null,
  request_fingerprint text not null,
  detail jsonb,
  ancestors text[] not null default '{}'::text[],
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  closed_at timestamp with time zone,
  constraint reservations_pkey PRIMARY KEY (project, reservation_id),
  constraint reservations_check CHECK (((state = 'HELD'::text) = (closed_at IS NULL))),
  constraint reservations_held_nano_usd_check CHECK ((held_nano_usd >= 0)),
  constraint reservations_on_expiry_check CHECK ((on_expiry = ANY (ARRAY['RELEASE'::text, 'CHARGE'::text]))),
  constraint reservations_reservation_id_check CHECK (((octet_length(reservation_id) >= 1) AND (octet_length(reservation_id) <= 128))),
  constraint reservations_state_check CHECK ((state = ANY (ARRAY['HELD'::text, 'SETTLED'::text, 'RELEASED'::text, 'EXPIRED'::text])))
) with (fillfactor=70);

alter table entries add constraint entries_correction_check CHECK (((kind <> 'CORRECTION'::text) OR ((cost_nano_usd < 0) AND (corrects_request_id IS NOT NULL)))) NOT VALID;
alter table entries add constraint entries_source_check CHECK ((source = ANY (ARRAY['COMPLETION'::text, 'TEXT'::text, 'USAGE'::text, 'COST'::text, 'RESET'::text, 'LEGACY'::text, 'RESERVATION'::text, 'REFUND'::text]))) NOT VALID;

CREATE INDEX audit_entries_by_actor ON audit_entries USING btree (project, actor, created_at, audit_id);
CREATE INDEX audit_entries_by_subject ON audit_entries USING btree (project, subject, created_at, audit_id);
CREATE INDEX audit_entries_by_time ON audit_entries USING btree (project, created_at, audit_id);
CREATE INDEX budgets_by_parent ON budgets USING btree (project, parent_user_id) WHERE (parent_user_id IS NOT NULL);
CREATE INDEX budgets_due ON budgets USING btree (project, period_end) WHERE (period_end IS NOT NULL);
CREATE INDEX entries_by_corrected ON entries USING btree (project, corrects_request_id) WHERE (corrects_request_id IS NOT NULL);
CREATE INDEX entries_by_time ON entries USING btree (project, created_at, request_id);
CREATE INDEX entries_by_user ON entries USING btree (project, user_id, created_at, request_id);
CREATE INDEX keys_by_hash ON keys USING btree (secret_hash);
CREATE INDEX reservations_by_ancestor ON reservations USING gin (ancestors) WHERE (state = 'HELD'::text);
CREATE INDEX reservations_by_user ON reservations USING btree (project, user_id, reservation_id);
CREATE INDEX reservations_held ON reservations USING btree (project, expires_at) WHERE (state = 'HELD'::text);
CREATE INDEX reservations_held_by_user ON reservations USING btree (project, user_id, expires_at) WHERE (state = 'HELD'::text);
