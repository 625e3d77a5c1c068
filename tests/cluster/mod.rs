//! The test cluster: a real Kubernetes control plane on loopback, and scenes on it. README.md has the tour.
//!
//! The root of each test or bench binary includes this folder as `mod cluster`. What one binary doesn't use, another
//! does, hence the lint.
#![allow(
    dead_code,
    unused_imports,
    reason = "shared by several test and bench binaries, none of which uses all of it"
)]

pub mod api;
pub mod audit;
pub mod binaries;
pub mod budget_witness;
pub mod certificates;
pub mod disks;
pub mod dns;
pub mod images;
pub mod interceptor;
pub mod karpenter;
pub mod kubeconfig;
pub mod kubelet;
pub mod large;
pub mod metrics;
pub mod mounts;
pub mod plane;
pub mod processes;
pub mod proxy;
pub mod ring;
pub mod scene;
pub mod stops;
pub mod wait;
mod watch;
pub mod witness;

pub use budget_witness::BudgetWitness;
pub use interceptor::Interceptor;
pub use metrics::MetricsServer;
pub use plane::{Plane, PlaneConfig};
pub use proxy::{Network, Proxy};
pub use ring::{Behaviour, Ring};
pub use scene::running::Running;
pub use scene::{Budget, Scene, SceneBuilder};
pub use witness::Witness;
