-- Airport names as the strike reports write them: upper case, INTL, no punctuation, no ARPT. Names
-- that several airports share say nothing about which one was meant and are left out.
select name, any_value(iata) as iata, any_value(state) as state
from (
  select
    trim(regexp_replace(
      replace(upper(name), 'INTERNATIONAL', 'INTL'), '[^A-Z0-9]+|\b(ARPT|AIRPORT)\b', ' ', 'g')) as name,
    iata,
    state
  from airports
)
where name <> ''
group by name
having count(*) = 1
