:INPUT,FORWARD,OUTPUT
-m untracked;=;OK
-m untracked --untracked;-m untracked;OK
-m untracked ! --untracked;=;OK
-m untracked --untracked --reply;;FAIL
-m untracked --reply --related;;FAIL
-m untracked --tracked;;FAIL
