#!/bin/sh
# Creates and updates Temporal's two databases. Every step may be repeated: a server upgrade is a new image version
# and a restart. The password comes in SQL_PASSWORD, never as an argument that `ps` would show.
set -eu

for database in temporal temporal_visibility; do
  case $database in
    temporal) schema=temporal ;;
    *) schema=visibility ;;
  esac
  tool="temporal-sql-tool --plugin postgres12 --ep postgresql -p 5432 -u temporal --db $database"
  $tool create
  # Fails where the version table is there already; what matters is checked by the update that follows.
  $tool setup-schema -v 0.0 || echo "$database has a schema already"
  $tool update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
