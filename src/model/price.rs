//! What an hour of a machine costs, how it is paid for, and how well that is known.

use std::fmt;

use super::money::Money;

/// How a machine is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// By the hour, at the list's price.
    OnDemand,
    /// As long as nobody else wants it.
    Spot,
    /// By the hour, for a promise to spend so much for one year.
    Savings1y,
    /// The same for three years.
    Savings3y,
    /// The machine itself for one year.
    Reserved1y,
    /// The same for three years.
    Reserved3y,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [
        Kind::OnDemand,
        Kind::Spot,
        Kind::Savings1y,
        Kind::Savings3y,
        Kind::Reserved1y,
        Kind::Reserved3y,
    ];

    /// The word for it on the command line and in files.
    pub const fn word(self) -> &'static str {
        match self {
            Kind::OnDemand => "on-demand",
            Kind::Spot => "spot",
            Kind::Savings1y => "savings-1y",
            Kind::Savings3y => "savings-3y",
            Kind::Reserved1y => "reserved-1y",
            Kind::Reserved3y => "reserved-3y",
        }
    }

    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// How a node of a capacity type (`karpenter.sh/capacity-type`) is paid for, as far as that can be seen: a reservation or a
    /// savings plan is a matter of the bill.
    pub fn of_capacity(word: &str) -> Kind {
        match word {
            "spot" | "SPOT" => Kind::Spot,
            _ => Kind::OnDemand,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a price came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// As the source has it.
    Listed,
    /// The source mixed in another product's price; the lowest that it ever had is taken.
    Corrected,
    /// Converted from euros: right within 2 %.
    Converted,
    /// The user's own file says so.
    Given,
}

/// What an hour costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// US dollars an hour.
    pub hourly: Money,
    /// How that is known.
    pub known: Known,
}

impl Price {
    /// Reads a price as the tables write it: a `*` after it where it is corrected, a `~` before it where it is converted.
    ///
    /// # Errors
    /// A clause that says what is wrong with it.
    pub fn read(cell: &str) -> Result<Price, String> {
        let (number, known) = if let Some(number) = cell.strip_suffix('*') {
            (number, Known::Corrected)
        } else if let Some(number) = cell.strip_prefix('~') {
            (number, Known::Converted)
        } else {
            (cell, Known::Listed)
        };
        let hourly = Money::parse(number)?;
        if hourly.is_zero() {
            return Err("a machine for nothing is no price: leave it out where it isn't known".to_owned());
        }
        Ok(Price { hourly, known })
    }
}
