-- Read by good/sql_file.yaml and good/everything.yaml.
select 1 as flight_date, 2 as region
