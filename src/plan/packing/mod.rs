//! What runs where, what it costs, and which machines would be better: computed from a snapshot and a catalogue.

pub mod advice;
pub mod changes;
pub mod choice;
pub mod daemons;
pub mod disks;
pub mod figures;
pub mod layout;
pub mod load;
pub mod options;
pub mod placement;
pub mod pools;
pub mod present;
pub mod slots;
pub mod summary;
pub mod usage;
pub mod zones;
