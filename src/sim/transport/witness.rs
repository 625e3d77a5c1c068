//! Whoever looks on: told of everything that has changed, at once, and by whose request it did.

use jiff::Timestamp;

use crate::sim::api::Request;
use crate::sim::plane::Plane;

/// A mutating request.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Whose it is.
    pub life: u32,
    /// Its number among his.
    pub number: u64,
    /// The request.
    pub request: &'a Request,
    /// When it was sent.
    pub sent: Timestamp,
}

/// Looks on.
pub trait Witness: Send {
    /// A mutating request has come, and nothing is done about it yet.
    fn hears(&mut self, plane: &Plane, deed: &Deed<'_>, now: Timestamp);

    /// Something may have changed: by a request that was answered with this code, whether or not that was heard; or by the
    /// cluster itself.
    fn saw(&mut self, plane: &Plane, deed: Option<(&Deed<'_>, u16)>, now: Timestamp);
}
