//! The test cluster itself: that it does what its README promises, a test a subject.

mod behaviours;
mod faults;
mod interceptor;
mod karpenter;
mod maintenance;
mod metrics;
mod processes;
mod scenes;
mod witness;
