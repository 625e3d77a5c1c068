//! What needs several rooms at once: observing, and the loop of every operation. Never formats, never prints.

mod act;
mod bearing;
pub mod cleanup;
pub mod deploy;
pub mod drain;
pub mod drain_trial;
pub mod emit;
pub mod evict;
pub mod gather;
pub mod identity;
mod lock;
pub mod look_around;
pub mod means;
pub mod observe;
mod opening;
pub mod pools;
pub mod prober;
pub mod promote;
pub mod recover;
pub mod route;
pub mod run;
pub mod tasks;
pub mod trial;
pub mod uncordon;
pub mod upgrade;
