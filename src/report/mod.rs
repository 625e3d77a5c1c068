//! Words and nothing else: what was judged, as text, JSON, JUnit or Prometheus lines. Decides nothing, asks nobody.
//!
//! Whatever comes from a cluster may hold escape sequences; [`untrusted::visible`] is the one way to print it.

pub mod errors;
pub mod explain;
pub mod json;
pub mod junit;
pub mod page;
pub mod prometheus;
pub mod status;
pub mod style;
pub mod text;
pub mod time;
pub mod untrusted;
