-- Finds the expired holds of one budget without reading those of its whole project. Breaks nothing. The index covers open holds
-- only, so it is built in a moment.
create index reservations_held_by_user on reservations (project, user_id, expires_at) where state = 'HELD';
