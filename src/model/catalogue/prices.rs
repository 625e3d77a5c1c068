//! The user's own prices (`--price-file`), which stand for the built-in ones where they say something.

use std::collections::BTreeSet;

use super::table::{Fault, Row, Table};
use super::{Catalogue, Refused, priced};
use crate::model::disk;
use crate::model::money::Money;
use crate::model::price::{Kind, Known, Price};

/// The column of what a month of a disk costs.
pub(super) const A_MONTH: &str = "a-month";

/// What a row says.
pub(super) enum Said {
    /// What an hour of a size costs, for each way to pay that the row has; there is one at least.
    Size(Vec<(Kind, Price)>),
    /// What a month of a disk costs.
    Disk(Money),
}

impl Catalogue {
    /// Takes the prices of a file: the columns `size`, one or more ways to pay (`on-demand`, `spot`, …) and, where the file has
    /// several regions, `region`. A row may also be of a tier of disks (`P30 LRS`), with its price in the column `a-month`.
    /// Answers how many prices it took. What isn't in the file stays as it was.
    ///
    /// # Errors
    /// Where the file isn't such a table, a size isn't known, a row has no price (a hole), or a size is there twice.
    pub fn take_prices(&mut self, text: &str) -> Result<usize, Refused> {
        let table = Table::read(text)?;
        let mut ways = ways();
        ways.push("region");
        table.has(&["size"], &ways)?;
        let by_region = table.columns().contains(&"region");
        let mut rows = BTreeSet::new();
        let mut taken = Vec::new();
        for row in table.rows() {
            let name = row.need("size")?;
            let region = if by_region { Some(row.need("region")?) } else { None };
            let said = said(&row)?;
            if !rows.insert((name, region)) {
                let place = region.map(|region| format!(" in {region}")).unwrap_or_default();
                return Err(row.fault(format!("{name}{place} is there twice")).into());
            }
            if matches!(said, Said::Size(_)) {
                self.size(name)?;
            }
            if let Some(named) = region.filter(|named| !self.is_region(named)) {
                return Err(row.fault(format!("there is no region named {named}")).into());
            }
            if region.is_some() && region != self.region() {
                continue;
            }
            taken.push((name, said));
        }
        Ok(self.put(taken, Known::Given))
    }

    /// Puts prices in their places, and answers how many there were.
    pub(super) fn put(&mut self, taken: Vec<(&str, Said)>, known: Known) -> usize {
        let mut count = 0;
        for (name, said) in taken {
            match said {
                Said::Size(prices) => {
                    count += prices.len();
                    for (kind, Price { hourly, .. }) in prices {
                        self.prices.insert((name.to_owned(), kind), Price { hourly, known });
                    }
                }
                Said::Disk(monthly) => {
                    count += 1;
                    self.disks.insert(name.to_owned(), monthly);
                }
            }
        }
        count
    }
}

/// The columns that have prices.
pub(super) fn ways() -> Vec<&'static str> {
    let kinds = Kind::ALL.iter().map(|kind| kind.word());
    kinds.chain([A_MONTH]).collect()
}

/// What a row says, of a size or of a tier of disks.
pub(super) fn said(row: &Row<'_>) -> Result<Said, Fault> {
    let name = row.need("size")?;
    let found = priced(row)?;
    let none = || row.fault(format!("no price for {name}: leave the line out where none is known"));
    match (disk::is_tier(name), row.get(A_MONTH)) {
        (true, _) if !found.is_empty() => Err(row.fault(format!(
            "{name} is a disk, which is paid for by the month: its price goes to {A_MONTH}"
        ))),
        (true, Some(cell)) => match Money::parse(cell) {
            Ok(monthly) if !monthly.is_zero() => Ok(Said::Disk(monthly)),
            Ok(_) => Err(row.fault(format!("{A_MONTH}: a disk for nothing is no price"))),
            Err(what) => Err(row.fault(format!("{A_MONTH}: {what}"))),
        },
        (false, Some(_)) => Err(row.fault(format!(
            "{name} is no disk's tier like `P30 LRS`, and {A_MONTH} is for these"
        ))),
        (true, None) => Err(none()),
        (false, None) if found.is_empty() => Err(none()),
        (false, None) => Ok(Said::Size(found)),
    }
}
