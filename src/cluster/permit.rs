//! The permission to change a cluster, as a value: whatever writes asks for one, and only a confirmation can make it.
//!
//! `commands::confirm` makes permits, from `--yes` or the answer to a question; `tests/it/layering.rs` holds that nobody else
//! does. A dry run has none, so that it can't write whatever its code does.

/// Somebody said yes. What goes on writing by itself (the lock renews itself) keeps a clone.
#[derive(Clone, Debug)]
pub struct Permit(());

impl Permit {
    /// A permit, from whoever asked and was told yes.
    pub fn confirmed() -> Permit {
        Permit(())
    }
}
