-- Prices that projects set for themselves. Breaks nothing.
create table model_prices (
  project text collate "C" not null check (octet_length(project) between 1 and 256),
  model text collate "C" not null check (octet_length(model) between 1 and 256),
  -- [{"dimension": ..., "usd": "0.15", "per": 1000000, "serviceTier": ..., "aboveInputTokens": ...}]
  rates jsonb not null,
  updated_at timestamptz not null,
  primary key (project, model)
);
