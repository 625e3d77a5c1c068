//! What needs several rooms at once: observing, for now. Never formats, never prints.

pub mod observe;
