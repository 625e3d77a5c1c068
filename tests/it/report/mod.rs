//! The page of a run: from its saved events, and by `--report` of each operation on the real control plane.

mod reader;
mod runs;
mod saved;
mod workload;
