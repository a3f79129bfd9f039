module v.io

go 1.26

require v.io/x/lib v0.0.0

replace v.io/x/lib => ./x/lib
