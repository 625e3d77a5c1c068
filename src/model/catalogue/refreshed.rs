//! Prices that were asked for anew (`--refresh-prices`), as they are kept in a file: how it is written, and how it is taken again.
//!
//! A price file like the user's own, with three lines above it that say when, for which region and from where.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::prices::{Said, said, ways};
use super::retail::Reading;
use super::table::{Fault, Table};
use super::{Catalogue, Refused, Source};
use crate::model::price::{Kind, Known};

/// Where refreshed prices come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// When they were asked for.
    pub at: Timestamp,
    /// Of which region.
    pub region: String,
    /// The address of the list.
    pub source: String,
}

impl Refreshed {
    /// The file that keeps what was read.
    pub fn file(&self, reading: &Reading) -> String {
        let mut lines = vec![
            "# Prices as `shardctl packing-summary --refresh-prices` found them.".to_owned(),
            format!("# refreshed {}", self.at),
            format!("# region {}", self.region),
            format!("# source {}", self.source),
            format!("size,{}", ways().join(",")),
        ];
        let mut sizes: BTreeMap<&str, [String; Kind::ALL.len()]> = BTreeMap::new();
        for ((size, kind), money) in &reading.prices {
            let at = Kind::ALL.iter().position(|of| of == kind).unwrap_or(0);
            sizes.entry(size).or_default()[at] = money.to_string();
        }
        for (size, prices) in sizes {
            lines.push(format!("{size},{},", prices.join(",")));
        }
        let empty = ",".repeat(Kind::ALL.len());
        for (tier, monthly) in &reading.disks {
            lines.push(format!("{tier}{empty},{monthly}"));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Reads the lines above such a file's table.
    ///
    /// # Errors
    /// For the first that is missing or says nothing.
    pub fn of_file(text: &str) -> Result<Refreshed, Fault> {
        let need = |name: &str| {
            let start = format!("# {name} ");
            let lines = (1..).zip(text.lines());
            let mut found = lines.filter_map(|(line, words)| Some((line, words.strip_prefix(&start)?.trim())));
            found.next().ok_or_else(|| Fault {
                line: 1,
                what: format!("there is no line `# {name} …` as `--refresh-prices` writes it"),
            })
        };
        let (line, when) = need("refreshed")?;
        let at = when.parse().map_err(|_| Fault {
            line,
            what: format!("`{when}` is no moment"),
        })?;
        Ok(Refreshed {
            at,
            region: need("region")?.1.to_owned(),
            source: need("source")?.1.to_owned(),
        })
    }
}

impl Catalogue {
    /// Takes refreshed prices in place of all that it has, so that those of two days never stand side by side. Answers how many
    /// sizes lost their price by it.
    ///
    /// # Errors
    /// Where the file isn't one of refreshed prices, is of another region, has no price or one twice, or names a size that isn't
    /// known. Nothing is changed then.
    pub fn take_refreshed(&mut self, text: &str) -> Result<usize, Refused> {
        let refreshed = Refreshed::of_file(text)?;
        if self.region() != Some(refreshed.region.as_str()) {
            let what = format!("these are the prices of {}", refreshed.region);
            return Err(Fault { line: 1, what }.into());
        }
        let table = Table::read(text)?;
        table.has(&["size"], &ways())?;
        let (mut names, mut taken) = (BTreeSet::new(), Vec::new());
        for row in table.rows() {
            let name = row.need("size")?;
            let said = said(&row)?;
            if !names.insert(name) {
                return Err(row.fault(format!("{name} is there twice")).into());
            }
            if matches!(said, Said::Size(_)) {
                self.size(name)?;
            }
            taken.push((name, said));
        }
        if taken.is_empty() {
            let what = "there is no price in it".to_owned();
            return Err(Fault { line: 1, what }.into());
        }
        let before: BTreeSet<String> = self.prices.keys().map(|(size, _)| size.clone()).collect();
        self.prices.clear();
        self.disks.clear();
        self.seen.clear();
        self.put(taken, Known::Listed);
        self.source = Source::Refreshed(refreshed);
        let lost = before.iter().filter(|size| self.prices(size).next().is_none());
        Ok(lost.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Money;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn refreshed() -> Refreshed {
        Refreshed {
            at: "2026-11-21T14:00:00Z".parse().unwrap(),
            region: "eastus".to_owned(),
            source: "https://prices.azure.com/api/retail/prices".to_owned(),
        }
    }

    fn file() -> String {
        let size = |name: &str, kind, price| ((name.to_owned(), kind), money(price));
        let reading = Reading {
            prices: [
                size("Standard_E16s_v5", Kind::OnDemand, "1.1"),
                size("Standard_E16s_v5", Kind::Reserved3y, "0.4"),
                size("Standard_E8s_v5", Kind::OnDemand, "0.55"),
            ]
            .into(),
            disks: [("P30 LRS".to_owned(), money("135.17"))].into(),
            ..Reading::default()
        };
        refreshed().file(&reading)
    }

    #[test]
    fn what_was_written_is_taken_again_in_place_of_everything_built_in() {
        let mut catalogue = Catalogue::azure(Some("eastus")).unwrap();
        // A spot price of another day stands beside it.
        assert!(catalogue.price("Standard_E16s_v5", Kind::Spot).is_some());
        let lost = catalogue.take_refreshed(&file()).unwrap();
        assert!(lost > 300, "{lost}");
        let price = |size: &str, kind| catalogue.price(size, kind).map(|price| price.hourly);
        assert_eq!(price("Standard_E16s_v5", Kind::OnDemand), Some(money("1.1")));
        assert_eq!(price("Standard_E16s_v5", Kind::Reserved3y), Some(money("0.4")));
        assert_eq!(price("Standard_E16s_v5", Kind::Spot), None);
        assert_eq!(price("Standard_E32s_v5", Kind::OnDemand), None);
        assert_eq!(catalogue.disk_price("P30 LRS"), Some(money("135.17")));
        assert_eq!(catalogue.disk_price("P20 LRS"), None);
        assert_eq!(catalogue.seen("Standard_E16s_v5"), None);
        assert_eq!(catalogue.source(), &Source::Refreshed(refreshed()));
    }

    #[test]
    fn a_file_that_isnt_whole_changes_nothing() {
        let file = file();
        let wrong = [
            (
                file.replace("# refreshed", "# x"),
                "line 1: there is no line `# refreshed …`",
            ),
            (file.replace("2026-11-21T", "x"), "line 2: `x14:00:00Z` is no moment"),
            (
                file.replace("# region eastus\n", ""),
                "line 1: there is no line `# region …`",
            ),
            (
                file.replace("eastus", "westus"),
                "line 1: these are the prices of westus",
            ),
            (file.replace("E8s", "E16s"), "line 7: Standard_E16s_v5 is there twice"),
            (file.replace("E8s", "E8"), "there is no size named Standard_E8_v5"),
            (
                file.replace(",135.17", ""),
                "line 8: has 7 cells, and there are 8 columns",
            ),
            (file.replace("P30 LRS", "P31 LRS"), "line 8: P31 LRS is no disk's tier"),
            (
                file.lines().take(5).map(|line| format!("{line}\n")).collect(),
                "line 1: there is no price in it",
            ),
        ];
        for (text, expected) in wrong {
            let mut catalogue = Catalogue::azure(Some("eastus")).unwrap();
            let told = catalogue.take_refreshed(&text).unwrap_err().to_string();
            assert!(told.starts_with(expected), "{told}");
            assert!(matches!(catalogue.source(), Source::BuiltIn { .. }));
            let price = catalogue.price("Standard_E16s_v5", Kind::OnDemand).unwrap();
            assert_eq!(price.hourly, money("1.008"), "{told}");
        }
    }
}
