//! What runs where, what it costs, and which machines would be better: computed from a snapshot and a catalogue.

pub mod advice;
pub mod choice;
pub mod daemons;
pub mod figures;
pub mod layout;
pub mod options;
pub mod pools;
pub mod present;
pub mod slots;
pub mod summary;
pub mod zones;
