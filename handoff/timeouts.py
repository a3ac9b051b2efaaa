"""Every waiting time: after how long what is given up, and why then.

Waiting is not failing: on a busy machine everything takes longer, so what is given up too soon is asked again alone
(``support``), or said to have no answer. Budgets (``advise --budget``) and the lengths of samples stand elsewhere: they
say how much is done, not for how long it is waited. A name may be imported, or read here when it is used.
"""

from __future__ import annotations

# The user's own code, in the sandbox

TARGET_S = 20.0  #: importing the user's module and making the object; who has more to read first says ``--patience``
SANDBOX_GRACE_S = 5.0  #: more than the sandbox was given, before it is ended from outside: it ends by itself, in order
STACKS_S = 0.2  #: for a process that does not answer to write where it is
WORK_S = 30.0  #: one call of the user's ``--work``: what takes longer is no job for a quick look
STATED_S = 3.0  #: looking whether that call changes the object: what takes longer to state is not looked at
READING_S = 3.0  #: reading all of an object, to know what a task does with it where there is no ``--work``
OWN_WORD_S = 1.0  #: what is asked of the object's own code when it is compared: ``==``, ``len``, an attribute
CONTROL_S = 2.5  #: making or reading an original once more, to compare with
SHARED_S = 1.0  #: after this a lock that says it is free counts as dead, and a message that was sent as lost

# Measuring

HANDOFF_S = 10.0  #: silence after which a hand-off counts as hung; the largest payload takes a tenth of it
WORKER_START_S = 60.0  #: a starting worker, or a pool of them: importing on a busy machine is slow, not hung
SAMPLE_S = 60.0  #: a sample of many operations, at least: an element at a time through a manager
TRIAL_SILENT_S = 90.0  #: a trial that tells nothing, at least: longer than a starting worker and a sample
LANE_LEAVE_S = 10.0  #: a worker that closes its ends and collects garbage, which may be a GiB
WORKER_STOP_S = 5.0  #: a worker, or a pool in the middle of its work, that was asked to end: then it is killed
KILLED_S = 1.0  #: a process that was killed: the kernel needs a moment to take its memory back
FEEDER_S = 1.0  #: a queue's feeder thread: it has nothing left to send, unless the other side is gone
ADVISED_S = 4.0  #: as ``HANDOFF_S``, beside the user's own work: who waits for an advice has seconds, not minutes
ADVISED_START_S = 15.0  #: a trial of an advice that tells nothing: it starts, and so does its worker; beside that ...
ADVISED_TIMES = 3  #: ... so many hand-offs and imports of the user's module: this side, the worker, a second worker
TRIAL_ANYWAY_S = 12.0  #: one trial of the baseline beyond the budget: a start, and a hand-over that hangs
ANYWAY_WORKS = 10  #: beside that, so many times the user's own work: two lanes of three rounds, and each looked at

# The user's own cluster

CLUSTER_S = 8.0  #: one that tells nothing is not there: a command says so within ten seconds
CLUSTER_TOLD_S = 30.0  #: one that has answered: ray starts a server for each client, and a worker on each node
SCHEDULER_S = 4.0  #: the first connection to its scheduler: half of that
WIRE_S = 2.0  #: a connection to a worker's host, for raw bytes: tasks have gone there, so it takes a moment
CLUSTER_LOOK_S = 1.0  #: after so long without an answer it is looked whether the worker is still there

# Diagnosing

HOOK_S = 2.0  #: one of the user's hooks, a constructor or ``__setstate__``: usual ones take microseconds
DUMP_S = 3.0  #: one object pickled by itself, to see which protocol refuses it
IMPORT_S = 30.0  #: importing what a pickle needs, which is not loading it: a worker imports it once
ARRIVAL_S = 5.0  #: loading and judging one pickle, beside ten times what it took to dump
DIAGNOSIS_GRACE_S = 1.0  #: more than its budget, for a diagnosis to end by itself and tell what it has

# Which ways work

CELL_S = 3.0  #: after this without an answer a cell hangs: a hand-over takes a tenth of a second; ``--patience``
CELL_START_S = 15.0  #: something starts or is made for a cell: a busy machine is slow, not hung
EXECUTOR_S = 600.0  #: an executor itself: who waits for the cell is less patient, and says where it hangs
POOL_S = 5.0  #: one hand-over through a pool: a usual one takes less than 0.1 s
SEEN_S = 2.5  #: whether a use shows on the other side
HOST_SILENT_S = 120.0  #: after this a host itself is given up: six times what a cell may take to start

# A busy machine

BUSY_MOST_S = 60.0  #: beside any patience, for what is waited for processors: then the machine is too busy to tell
BUSIEST = 20  #: times a patience, at most: forty busy processes on two processors leave each a twentieth
BUSY_LOOK_S = 0.05  #: less than this is not waited for once more
CELL_IMPORTS_S = 1.0  #: on processors, beside its patience, until the worker of a cell is there

# Ending

END_S = 2.0  #: what runs at an interpreter's end: the user's exit hooks, destructors and threads may hang
INTERRUPTED_S = 10.0  #: asv after Ctrl-C: it gives its own child one second, and trackers clean up after that
ORPHAN_S = 3.0  #: what has lost its parent may end by itself for so long before it is ended
STRAYS_S = 3.0  #: whoever carries a private folder's name; those of ours clean up after themselves within 0.5 s
TRACKERS_S = 2.0  #: a group of processes that was killed, and its resource trackers, which end by themselves

# The documentation's questions

QUESTION_S = 600.0  #: a command that measures, on a machine that does other things as well

# What importing takes

IMPORTS_S = 20.0  #: once more, of a module that was imported already: what takes longer is said without its parts

# asv

SLICE_S = 4 * 3600  #: one ``setup_cache``; each hand-off in it has a watchdog of its own
LOOKUP_S = 60  #: a cell of asv's, which looks one number up

# Programs that show a claim

IDLE_S = 1.0  #: no processor time at all: none of the programs sleeps or waits for anything outside itself
PROGRAM_S = 60.0  #: a program that is busy without end

# How often it is looked, where nothing tells by itself

POOL_LOOK_S = 0.02  #: the state of a pool that has not answered; an answer itself is seen at once
WORKER_LOOK_S = 0.05  #: whether the worker that owes a result still lives
CELL_LOOK_S = 0.1  #: whether a cell works or waits
HOST_LOOK_S = 1.0  #: whether a host has been silent for too long
TICK_S = 0.25  #: whether a process that writes nothing has ended; progress is drawn as often
