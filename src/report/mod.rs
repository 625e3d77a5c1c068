//! Words and nothing else: what was judged, as text, JSON, JUnit or Prometheus lines. Decides nothing, asks nobody.
//!
//! Whatever comes from a cluster may hold escape sequences; [`untrusted::visible`] is the one way to print it.

pub mod board;
pub mod cleanup_page;
pub mod deploy_page;
pub mod drain_page;
pub mod errors;
pub mod events;
pub mod explain;
pub mod gantt;
pub mod html;
pub mod json;
pub mod junit;
pub mod lines;
pub mod live;
pub mod moving;
pub mod outcome;
pub mod packing;
pub mod page;
pub mod phases;
pub mod plan_page;
pub mod prometheus;
pub mod recover_page;
pub mod refusals;
pub mod rehearsal;
pub mod rehearsal_page;
pub mod route;
pub mod route_junit;
pub mod status;
pub mod story;
pub mod style;
pub mod text;
pub mod time;
pub mod untrusted;
pub mod upgrade_status;
pub mod yaml;

#[cfg(test)]
pub mod testing;
