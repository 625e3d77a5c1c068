//! Every refusal is described, and only what may be allowed is.

use super::*;

#[test]
fn no_refusal_that_guards_data_can_be_allowed() {
    for about in REFUSALS {
        assert!(!(about.guards_data && about.allowed.is_some()), "{}", about.id);
        let refusal = about.refuse("pod/x", "so");
        assert_eq!(refusal.can_be_allowed, about.allowed.is_some(), "{}", about.id);
        let allowed = Allowed::parse(&[about.id.to_owned()]);
        match (about.guards_data, about.allowed) {
            (true, _) => assert_eq!(allowed, Err(NotAllowed::GuardsData(about))),
            (false, None) => assert_eq!(allowed, Err(NotAllowed::Never(about))),
            (false, Some(_)) => assert!(allowed.unwrap().covers(&refusal)),
        }
    }
}

#[test]
fn every_refusal_is_described_under_an_id_of_its_own() {
    let ids: BTreeSet<&str> = REFUSALS.iter().map(|about| about.id).collect();
    assert_eq!(ids.len(), REFUSALS.len());
    for about in REFUSALS {
        assert!(about.why.ends_with('.') && !about.title.ends_with('.'), "{}", about.id);
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(about.id.chars().all(kebab), "{}", about.id);
    }
}

#[test]
fn an_id_that_nobody_knows_is_told_with_those_that_are() {
    let Err(NotAllowed::Unknown { id, known }) = Allowed::parse(&["shard-dwn".to_owned()]) else {
        panic!("it must not be taken");
    };
    assert_eq!(id, "shard-dwn");
    assert!(known.contains(&"shard-down") && !known.contains(&"claim-missing"));
}

#[test]
fn only_what_was_allowed_is_left_out() {
    let allowed = Allowed::parse(&["Shard-Down".to_owned()]).unwrap();
    let left = allowed.left(vec![SHARD_DOWN.refuse("pod/a", "x"), TERMINATING.refuse("pod/b", "y")]);
    assert_eq!(
        left.iter().map(|refusal| refusal.id.as_ref()).collect::<Vec<_>>(),
        ["terminating"]
    );
}
