//! The user's own prices (`--price-file`), which stand for the built-in ones where they say something.

use std::collections::BTreeSet;

use super::{Catalogue, Refused, priced};
use crate::model::catalogue::table::Table;
use crate::model::price::{Kind, Known};

impl Catalogue {
    /// Takes the prices of a file: the columns `size`, one or more ways to pay (`on-demand`, `spot`, …) and, where the file has
    /// several regions, `region`. Answers how many prices it took. A way to pay that isn't in the file stays as it was.
    ///
    /// # Errors
    /// Where the file isn't such a table, a size isn't known, a row has no price (a hole), or a size is there twice.
    pub fn take_prices(&mut self, text: &str) -> Result<usize, Refused> {
        let table = Table::read(text)?;
        let mut ways: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        ways.push("region");
        table.has(&["size"], &ways)?;
        let by_region = table.columns().contains(&"region");
        let mut rows = BTreeSet::new();
        let mut taken = Vec::new();
        for row in table.rows() {
            let name = row.need("size")?;
            let region = if by_region { Some(row.need("region")?) } else { None };
            let found = priced(&row)?;
            if found.is_empty() {
                return Err(row
                    .fault(format!("no price for {name}: leave the line out where none is known"))
                    .into());
            }
            if !rows.insert((name, region)) {
                let place = region.map(|region| format!(" in {region}")).unwrap_or_default();
                return Err(row.fault(format!("{name}{place} is there twice")).into());
            }
            if region.is_some() && region != self.region() {
                continue;
            }
            self.size(name)?;
            taken.extend(found.into_iter().map(|(kind, price)| (name, kind, price)));
        }
        let count = taken.len();
        for (name, kind, mut price) in taken {
            price.known = Known::Given;
            self.prices.insert((name.to_owned(), kind), price);
        }
        Ok(count)
    }
}
