//! The pods that a selector picks, followed from look to look: only those that have changed are looked into.

use serde_json::Value;

use crate::sim::kind::Kind;
use crate::sim::store::{Marks, Object, Store};

/// The pods of a namespace as a controller saw them last.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Followed {
    /// What picks them.
    selector: Value,
    /// All of them by their names, and whether each is picked.
    seen: Vec<(Object, bool)>,
}

/// A picked pod before and after.
pub(super) type News = (Option<Object>, Option<Object>);

impl Followed {
    /// Looks at the pods again: what has changed of those that are picked, or were.
    pub(super) fn follow(
        &mut self,
        store: &Store,
        namespace: &str,
        selector: &Value,
        picks: impl Fn(&Object) -> bool,
    ) -> Vec<News> {
        if self.selector != *selector {
            self.selector = selector.clone();
            self.seen.clear();
        }
        let mut news: Vec<News> = Vec::new();
        let mut before = std::mem::take(&mut self.seen).into_iter().peekable();
        let gone = |(pod, picked): (Object, bool)| picked.then_some((Some(pod), None));
        for pod in store.all(Kind::Pods, Some(namespace)) {
            if let Some(same) = before.next_if(|(known, _)| known.is_very(pod)) {
                self.seen.push(same);
                continue;
            }
            let name = &pod.glance().name;
            while let Some(known) = before.next_if(|(known, _)| known.glance().name < *name) {
                news.extend(gone(known));
            }
            let known = before.next_if(|(known, _)| known.glance().name == *name);
            let known = known.filter(|(_, picked)| *picked).map(|(known, _)| known);
            let picked = picks(pod);
            if picked || known.is_some() {
                news.push((known, picked.then(|| pod.clone())));
            }
            self.seen.push((pod.clone(), picked));
        }
        news.extend(before.filter_map(gone));
        news
    }

    /// Those that were picked at the last look.
    pub(super) fn picked(&self) -> impl Iterator<Item = &Object> {
        self.seen.iter().filter(|(_, picked)| *picked).map(|(pod, _)| pod)
    }

    /// The marks of those that were picked at the last look, which was at this very state of the store.
    pub(super) fn marks<'a>(&'a self, store: &'a Store, namespace: &'a str) -> impl Iterator<Item = &'a Marks> {
        let all = store.marked(Kind::Pods, Some(namespace)).zip(&self.seen);
        all.filter(|(_, (_, picked))| *picked).map(|((_, marks), _)| marks)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::controllers::testing::{at, plane, pod_of};
    use crate::sim::plane::{Plane, by_us};
    use crate::sim::store::{Deletion, Key};

    fn look(followed: &mut Followed, plane: &Plane, app: &str) -> Vec<String> {
        let news = followed.follow(&plane.store, "shop", &json!(app), |pod| {
            pod.glance().label("app") == Some(app)
        });
        let version = |pod: &Option<Object>| {
            pod.as_ref()
                .map_or("-".to_owned(), |pod| pod["spec"]["nodeName"].to_string())
        };
        news.iter()
            .map(|(before, now)| {
                let name = before.as_ref().or(now.as_ref()).map(|pod| &pod.glance().name);
                format!("{} {} {}", name.unwrap(), version(before), version(now))
            })
            .collect()
    }

    #[test]
    fn what_came_changed_and_went_among_the_picked_is_news_and_nothing_else() {
        let mut plane = plane();
        for (set, name) in [("db", "db-0"), ("web", "db-1"), ("db", "db-2"), ("db", "db-3")] {
            plane.store.load(Kind::Pods, pod_of(set, set, name));
        }
        let mut followed = Followed::default();
        assert_eq!(
            look(&mut followed, &plane, "db"),
            ["db-0 - \"n1\"", "db-2 - \"n1\"", "db-3 - \"n1\""]
        );
        assert!(look(&mut followed, &plane, "db").is_empty());
        let key = |name: &str| Key::new(Kind::Pods, "shop", name);
        let now = Deletion {
            grace: Some(0),
            ..Deletion::default()
        };
        plane.store.delete(&key("db-0"), &now, &by_us(at(0))).unwrap();
        for name in ["db-1", "db-2"] {
            plane.change(&key(name), at(0), |pod| pod["spec"]["nodeName"] = json!("n2"));
        }
        plane.change(&key("db-3"), at(0), |pod| {
            pod["metadata"]["labels"]["app"] = json!("web");
        });
        plane.store.load(Kind::Pods, pod_of("db", "db", "db-4"));
        assert_eq!(
            look(&mut followed, &plane, "db"),
            ["db-0 \"n1\" -", "db-2 \"n1\" \"n2\"", "db-3 \"n1\" -", "db-4 - \"n1\""]
        );
        assert_eq!(followed.picked().count(), 2);
        assert_eq!(followed.marks(&plane.store, "shop").count(), 2);
        assert_eq!(look(&mut followed, &plane, "web"), ["db-1 - \"n2\"", "db-3 - \"n1\""]);
    }
}
