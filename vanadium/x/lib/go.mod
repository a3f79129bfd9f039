module v.io/x/lib

go 1.26
