//! What needs several rooms at once: observing, and the loop of every operation. Never formats, never prints.

pub mod observe;
