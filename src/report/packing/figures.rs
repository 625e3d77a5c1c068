//! Figures as people read them: money, percentages, bars.

use super::{Amounts, Node};
use crate::model::money::Money;

/// How many cells a bar has.
const CELLS: i64 = 10;

/// Dollars with their thousands parted: `$7,358.40`.
pub fn dollars(money: Money) -> String {
    parted(&money.rounded(2))
}

/// The same without cents, for what is large: `$7,358`.
pub fn whole_dollars(money: Money) -> String {
    parted(&money.rounded(0))
}

/// An hour's price to a tenth of a cent: `$1.008`.
pub fn hourly(money: Money) -> String {
    parted(&money.rounded(3))
}

fn parted(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let (whole, cents) = digits
        .split_once('.')
        .map_or((digits, None), |(whole, cents)| (whole, Some(cents)));
    let mut out = format!("{sign}$");
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(cents) = cents {
        out.push('.');
        out.push_str(cents);
    }
    out
}

/// A percentage without decimals; `?` where it isn't known.
pub fn percent(percent: Option<f64>) -> String {
    percent.map_or_else(|| "?".to_owned(), |percent| format!("{percent:.0}%"))
}

/// Thousandths of a core as cores: `2`, `1.5`, `0.31`.
pub fn cores(milli: i64) -> String {
    let all = format!("{}.{:03}", milli / 1000, milli % 1000);
    all.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Whose share of a node's memory the cells of its bar are: shards, DaemonSets, others, nobody. Where the node doesn't say what it
/// has, nothing.
pub fn bar(node: &Node) -> Option<[usize; 4]> {
    let has = node.allocatable.map(|amounts| amounts.memory).filter(|has| *has > 0)?;
    let of = |amounts: Option<Amounts>| amounts.map_or(0, |amounts| amounts.memory);
    let parts = [of(Some(node.by_shards)), of(node.by_daemons), of(node.by_others)];
    let mut cells = [0; 4];
    let (mut sum, mut drawn) = (0_i64, 0_i64);
    for (cell, part) in cells.iter_mut().zip(parts) {
        sum = sum.saturating_add(part);
        // Sums are rounded, not parts, so that the bar as a whole is right; what is there at all is seen, while there is place.
        let rounded = i128::from(sum) * i128::from(CELLS) * 2 / i128::from(has);
        let upto = i64::try_from((rounded + 1) / 2).unwrap_or(CELLS).clamp(drawn, CELLS);
        *cell = usize::try_from(upto - drawn).unwrap_or(0);
        drawn = upto;
    }
    cells[3] = usize::try_from(CELLS - drawn).unwrap_or(0);
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::room::GIB;

    #[test]
    fn money_is_told_as_people_write_it() {
        let money = |text: &str| Money::parse(text).unwrap();
        assert_eq!(dollars(money("7358.4")), "$7,358.40");
        assert_eq!(whole_dollars(money("1234567.5")), "$1,234,568");
        assert_eq!(hourly(money("1.008")), "$1.008");
        assert_eq!(dollars(Money::ZERO.minus(money("1000"))), "-$1,000.00");
        assert_eq!([2000, 1500, 310, 0].map(cores), ["2", "1.5", "0.31", "0"]);
        assert_eq!(percent(Some(84.6)), "85%");
        assert_eq!(percent(None), "?");
    }

    #[test]
    fn a_bar_shows_who_asks_for_how_much() {
        let amounts = |gib: i64| Amounts {
            memory: gib * GIB,
            ..Amounts::default()
        };
        let node = Node {
            allocatable: Some(amounts(100)),
            by_shards: amounts(64),
            by_daemons: Some(amounts(4)),
            by_others: Some(amounts(9)),
            ..Node::default()
        };
        assert_eq!(bar(&node), Some([6, 1, 1, 2]));
        let over = Node {
            by_shards: amounts(160),
            ..node.clone()
        };
        assert_eq!(bar(&over), Some([10, 0, 0, 0]));
        let silent = Node {
            allocatable: None,
            ..node
        };
        assert_eq!(bar(&silent), None);
    }
}
