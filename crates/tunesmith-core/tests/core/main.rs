//! The core from outside: a study on a bench, command by command, and whole logs. Refuses to look at private parts.

mod budget;
mod decide;
mod define_by_run;
mod log;
mod replication;
mod results;
mod scene;
mod scheduling;
mod submit;
mod watch;
