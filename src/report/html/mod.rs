//! An operation as one page of HTML: how it ended, a timeline, what was done by whom. It loads nothing, runs nothing, and reads
//! the same in ten years.
//!
//! The page is written from the events alone, so that a run's own page and the one made of its saved events are the same.

mod course;
mod markup;
mod page;
mod style;
mod tables;
mod timeline;

pub use page::{Trouble, render};

#[cfg(test)]
mod tests;
