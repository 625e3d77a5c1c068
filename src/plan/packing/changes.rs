//! What has changed between two looks at the packing: nodes that came and went, shards that moved, and what it costs since.

use std::collections::{BTreeMap, BTreeSet};

use super::present::{Present, Row};
use crate::model::movement::{Movement, Passing};
use crate::model::node;
use crate::model::snapshot::Snapshot;

/// One look: the nodes in view, and the names of all that the cluster has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The nodes that hold shards, and the others of their pools.
    pub present: Present,
    /// Every node of the cluster.
    pub nodes: BTreeSet<String>,
}

impl Look {
    /// What a snapshot shows, of which `present` was made.
    pub fn of(snapshot: &Snapshot, present: Present) -> Look {
        let all = snapshot.nodes.got().into_iter().flatten();
        Look {
            present,
            nodes: all.map(|found| node::name(found).to_owned()).collect(),
        }
    }

    fn rows(&self) -> BTreeMap<&str, &Row> {
        self.present.rows.iter().map(|row| (row.node.as_str(), row)).collect()
    }

    /// Where each shard is.
    fn places(&self) -> BTreeMap<&str, Option<&str>> {
        let homeless = self.present.homeless.iter().map(|shard| (shard.as_str(), None));
        let on_nodes = self.present.rows.iter().flat_map(|row| {
            let place = Some(row.node.as_str());
            row.shards.iter().map(move |shard| (shard.as_str(), place))
        });
        homeless.chain(on_nodes).collect()
    }
}

fn passing(row: &Row) -> Passing {
    Passing {
        node: row.node.clone(),
        size: row.size.clone(),
        zone: row.zone.clone(),
        capacity_type: row.capacity_type.clone(),
        hourly: row.hourly,
    }
}

/// What has changed: nodes first, then shards, then the cost. Nothing where nothing has.
pub fn changes(before: &Look, now: &Look) -> Vec<Movement> {
    let mut found = Vec::new();
    let (old, new) = (before.rows(), now.rows());
    for (name, row) in &new {
        match old.get(name) {
            None if before.nodes.contains(*name) => found.push(Movement::NodeInView(passing(row))),
            None => found.push(Movement::NodeCame(passing(row))),
            Some(was) => found.extend(of_node(was, row)),
        }
    }
    for (name, row) in &old {
        if !new.contains_key(name) {
            let gone = passing(row);
            found.push(if now.nodes.contains(*name) {
                Movement::NodeOutOfView(gone)
            } else {
                Movement::NodeWent(gone)
            });
        }
    }
    let (old, new) = (before.places(), now.places());
    let owned = |place: Option<&str>| place.map(str::to_owned);
    for (shard, place) in &new {
        match old.get(shard) {
            None => found.push(Movement::ShardCame {
                shard: (*shard).to_owned(),
                to: owned(*place),
            }),
            Some(was) if was != place => found.push(Movement::ShardMoved {
                shard: (*shard).to_owned(),
                from: owned(*was),
                to: owned(*place),
            }),
            Some(_) => {}
        }
    }
    for (shard, place) in old {
        if !new.contains_key(shard) {
            found.push(Movement::ShardWent {
                shard: shard.to_owned(),
                from: owned(place),
            });
        }
    }
    let cost = |look: &Look| look.present.totals().hourly;
    let (from, to) = (cost(before), cost(now));
    if from != to {
        found.push(Movement::CostChanged { from, to });
    }
    found
}

fn of_node(was: &Row, row: &Row) -> Vec<Movement> {
    let mut found = Vec::new();
    if was.ready != row.ready {
        found.push(Movement::NodeReady {
            node: row.node.clone(),
            ready: row.ready,
        });
    }
    if was.cordoned != row.cordoned {
        found.push(Movement::NodeCordoned {
            node: row.node.clone(),
            cordoned: row.cordoned,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Money;

    fn row(node: &str, shards: &[&str]) -> Row {
        Row {
            node: node.to_owned(),
            ready: true,
            shards: shards.iter().map(|shard| (*shard).to_owned()).collect(),
            hourly: Some(Money::parse("1.008").unwrap()),
            ..Row::default()
        }
    }

    fn look(rows: &[(&str, &[&str])], homeless: &[&str], others: &[&str]) -> Look {
        let names = rows.iter().map(|(node, _)| *node).chain(others.iter().copied());
        Look {
            nodes: names.map(str::to_owned).collect(),
            present: Present {
                rows: rows.iter().map(|(node, shards)| row(node, shards)).collect(),
                homeless: homeless.iter().map(|shard| (*shard).to_owned()).collect(),
                unseen: None,
            },
        }
    }

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn a_shard_that_moves_to_a_new_node_is_told_node_by_node() {
        let before = look(&[("a", &["db-0"]), ("b", &["db-1"])], &[], &[]);
        assert!(changes(&before, &before).is_empty());
        let waiting = look(&[("a", &["db-0"])], &["db-1"], &[]);
        let moved = |from: Option<&str>, to: Option<&str>| Movement::ShardMoved {
            shard: "db-1".to_owned(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
        };
        let cost = |from, to| Movement::CostChanged {
            from: money(from),
            to: money(to),
        };
        assert_eq!(
            changes(&before, &waiting),
            [
                Movement::NodeWent(passing(&row("b", &[]))),
                moved(Some("b"), None),
                cost("2.016", "1.008")
            ]
        );
        let after = look(&[("a", &["db-0"]), ("c", &["db-1"])], &[], &[]);
        assert_eq!(
            changes(&waiting, &after),
            [
                Movement::NodeCame(passing(&row("c", &[]))),
                moved(None, Some("c")),
                cost("1.008", "2.016")
            ]
        );
        // Of the same price, so that the cost is as it was.
        assert_eq!(
            changes(&before, &after),
            [
                Movement::NodeCame(passing(&row("c", &[]))),
                Movement::NodeWent(passing(&row("b", &[]))),
                moved(Some("b"), Some("c"))
            ]
        );
    }

    #[test]
    fn a_node_that_stays_without_its_shard_hasnt_gone() {
        let before = look(&[("a", &["db-0"])], &[], &["b"]);
        let after = look(&[("b", &["db-0"])], &[], &["a"]);
        let told = changes(&before, &after);
        assert!(
            matches!(&told[0], Movement::NodeInView(row) if row.node == "b"),
            "{told:?}"
        );
        assert!(
            matches!(&told[1], Movement::NodeOutOfView(row) if row.node == "a"),
            "{told:?}"
        );
    }

    #[test]
    fn shards_come_and_go_and_nodes_change_their_state() {
        let before = look(&[("a", &["db-0"])], &[], &[]);
        let mut after = look(&[("a", &["db-1"])], &[], &[]);
        after.present.rows[0].ready = false;
        after.present.rows[0].cordoned = true;
        let node = || "a".to_owned();
        assert_eq!(
            changes(&before, &after),
            [
                Movement::NodeReady {
                    node: node(),
                    ready: false
                },
                Movement::NodeCordoned {
                    node: node(),
                    cordoned: true
                },
                Movement::ShardCame {
                    shard: "db-1".to_owned(),
                    to: Some(node())
                },
                Movement::ShardWent {
                    shard: "db-0".to_owned(),
                    from: Some(node())
                },
            ]
        );
    }
}
