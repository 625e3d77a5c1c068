//! What a deployment needs of a cluster, what it changes there, and how it is waited for.

pub mod coming;
pub mod diff;
pub mod offers;

#[cfg(test)]
mod tests;
