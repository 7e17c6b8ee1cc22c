"""Many pictures: plan, ledger, executors, report, notices.

plan        what lies in the source, where each result goes, what collides
ledger      one row for each picture; what is done stays done
executors/  processes of this machine, or a Ray cluster, behind one contract
work        one picture, inside an executor
run         the loop between ledger and executor
shared_film one film, its segments shared by an executor; ``film_work`` is inside it
report/     where to look first
notify      a word at the end, or when too much fails
"""
