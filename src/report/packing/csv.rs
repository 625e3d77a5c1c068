//! The packing as tables for spreadsheets (RFC 4180, with plain line ends): the columns stay, and new ones come at the end.

use std::borrow::Cow;

use super::{Amounts, PackingPage};
use crate::model::money::Money;
use crate::report::untrusted::visible;

/// A table being written.
struct Csv(String);

impl Csv {
    fn new(columns: &str) -> Csv {
        Csv(format!("{columns}\n"))
    }

    fn row(&mut self, cells: &[String]) {
        self.0.push_str(&cells.join(","));
        self.0.push('\n');
    }
}

/// Words that come from a cluster or a file: visible, never a formula, quoted where they have to be.
fn words(text: &str) -> String {
    let text = visible(text);
    // A spreadsheet takes what begins so for a formula.
    let text: Cow<'_, str> = if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}").into()
    } else {
        text
    };
    if text.contains(['"', ',']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into_owned()
    }
}

fn maybe(text: Option<&str>) -> String {
    text.map(words).unwrap_or_default()
}

fn number<T: ToString>(number: Option<T>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn money(money: Option<Money>) -> String {
    number(money)
}

/// A row for each node.
pub fn nodes(page: &PackingPage) -> String {
    let mut csv = Csv::new(
        "node,size,zone,capacity_type,pool,ready,cordoned,shards,shard_names,memory_bytes,cpu_milli,pods,\
         shards_memory_bytes,shards_cpu_milli,daemons_memory_bytes,daemons_cpu_milli,others_memory_bytes,others_cpu_milli,\
         memory_percent,cpu_percent,grade,free_slots,stranded_bytes,stranded_usd_hour,listed_usd_hour,usd_hour,used_memory_bytes,used_cpu_milli",
    );
    let memory = |amounts: Option<Amounts>| number(amounts.map(|amounts| amounts.memory));
    let cpu = |amounts: Option<Amounts>| number(amounts.map(|amounts| amounts.cpu_milli));
    for node in &page.present.nodes {
        csv.row(&[
            words(&node.node),
            maybe(node.size.as_deref()),
            maybe(node.zone.as_deref()),
            maybe(node.capacity_type.as_deref()),
            maybe(node.pool.as_deref()),
            node.ready.to_string(),
            node.cordoned.to_string(),
            node.shards.len().to_string(),
            words(&node.shards.join(" ")),
            memory(node.allocatable),
            cpu(node.allocatable),
            number(node.allocatable.map(|amounts| amounts.pods)),
            memory(Some(node.by_shards)),
            cpu(Some(node.by_shards)),
            memory(node.by_daemons),
            cpu(node.by_daemons),
            memory(node.by_others),
            cpu(node.by_others),
            number(node.memory_percent),
            number(node.cpu_percent),
            maybe(node.grade.map(|grade| grade.word())),
            number(node.free_slots),
            number(node.stranded_memory),
            money(node.stranded_hourly),
            money(node.listed_hourly),
            money(node.hourly),
            number(node.used.map(|used| used.memory)),
            number(node.used.map(|used| used.cpu_milli)),
        ]);
    }
    csv.0
}

/// A row for each size that may be bought.
pub fn sizes(page: &PackingPage) -> String {
    let mut csv = Csv::new(
        "size,vcpu,memory_bytes,arch,shards,bound_by,lacks_amount,near_miss,fits_memory_bytes,fits_cpu_milli,fits_basis,\
         counted_memory_bytes,counted_cpu_milli,counted_basis,listed_usd_hour,known,usd_hour,usd_month_a_shard",
    );
    for size in &page.sizes {
        let short = size.short.first();
        let counted = size.counted.as_ref();
        csv.row(&[
            words(&size.size),
            size.vcpu.to_string(),
            size.memory.to_string(),
            words(&size.arch),
            size.shards.to_string(),
            maybe(short.map(|short| short.of)),
            number(short.map(|short| short.missing)),
            size.near_miss.to_string(),
            size.fits.room.memory.to_string(),
            size.fits.room.cpu_milli.to_string(),
            words(&size.fits.basis),
            number(counted.map(|counted| counted.room.memory)),
            number(counted.map(|counted| counted.room.cpu_milli)),
            maybe(counted.map(|counted| counted.basis.as_str())),
            size.listed_hourly.to_string(),
            size.known.to_owned(),
            size.hourly.to_string(),
            money(size.monthly_a_shard),
        ]);
    }
    csv.0
}

/// A row for each size in each zone of each layout; what is the same for a whole layout stands in each of its rows.
pub fn layouts(page: &PackingPage) -> String {
    let mut csv = Csv::new(
        "layout,number,zone,zone_shards,size,count,usd_hour_each,layout_nodes,layout_shards,layout_usd_hour,layout_usd_month,\
         layout_usd_month_a_shard,layout_saved_usd_month,down_with_a_node,down_with_a_zone,spare",
    );
    for (at, layout) in page.layouts.iter().enumerate() {
        for zone in &layout.zones {
            for machines in &zone.machines {
                csv.row(&[
                    layout.name.to_owned(),
                    at.to_string(),
                    maybe(zone.zone.as_deref()),
                    zone.shards.to_string(),
                    maybe(machines.size.as_deref()),
                    machines.count.to_string(),
                    money(machines.hourly),
                    layout.nodes.to_string(),
                    layout.shards.to_string(),
                    money(layout.hourly),
                    money(layout.monthly),
                    money(layout.monthly_a_shard),
                    money(layout.saved_monthly),
                    layout.lost_with_a_node.to_string(),
                    layout.lost_with_a_zone.to_string(),
                    number(layout.spare),
                ]);
            }
        }
    }
    csv.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::packing::testing::page;

    #[test]
    fn every_row_has_as_many_cells_as_there_are_columns() {
        for (table, rows) in [(nodes(&page()), 2), (sizes(&page()), 2), (layouts(&page()), 4)] {
            let mut counts = table.lines().map(|line| line.split(',').count());
            let columns = counts.next().unwrap();
            assert_eq!(counts.collect::<Vec<_>>(), vec![columns; rows], "{table}");
            assert!(table.ends_with('\n'));
        }
    }

    #[test]
    fn a_hostile_name_is_no_formula_no_escape_and_no_second_cell() {
        assert_eq!(words("=1+1"), "'=1+1");
        assert_eq!(words("@x"), "'@x");
        assert_eq!(words("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(words("a\nb\u{1b}[31m"), "a\\nb\\e[31m");
        assert_eq!(words("eastus-1"), "eastus-1");
    }
}
