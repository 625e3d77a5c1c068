//! What a route test sends, where to, and what comes back: plain values between `plan`, `net`, `operations` and `report`.

pub mod answer;
pub mod ask;
pub mod entry;
pub mod failure;
pub mod identity;
pub mod outcome;
pub mod wire;
