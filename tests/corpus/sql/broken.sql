select 1 as n
frm nowhere
