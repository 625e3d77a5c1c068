//! The shards' pods: running, placed, of the quality of service and with the protection that they need.

pub mod place;
pub mod protection;
pub mod resources;
pub mod running;

pub use place::POD_04;
pub use protection::{POD_07, POD_08};
pub use resources::{POD_05, POD_06};
pub use running::{POD_01, POD_02, POD_03};
