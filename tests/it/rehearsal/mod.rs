//! The rehearsal cluster, held against a real control plane.

mod conformance;
