use serde_json::json;

use super::*;

const PODS: GroupResource = GroupResource::of("", "pods");

fn store() -> Store {
    Store::seeded(Clock::real(), 7)
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": {}})
}

fn next(watch: &mut Watch) -> Option<Arc<WatchEvent>> {
    watch.try_next().expect("not gone")
}

#[test]
fn create_fills_in_what_identifies_an_object() {
    let store = store();
    let made = store.create(&PODS, json!({"metadata": {"namespace": "a", "generateName": "web-"}})).unwrap();
    let meta = &made["metadata"];
    let name = meta["name"].as_str().unwrap();
    assert!(name.starts_with("web-") && name.len() == 9, "{name}");
    assert_eq!(meta["resourceVersion"], store.revision().to_string());
    assert_eq!(meta["uid"].as_str().unwrap().len(), 36);
    assert!(meta["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(store.create(&PODS, pod("a", name)), Err(StoreError::AlreadyExists(Key::of(&PODS, &made))));
    assert_eq!(store.create(&PODS, json!({"metadata": {}})), Err(StoreError::NoName));
}

#[test]
fn the_same_seed_gives_the_same_names() {
    let names = || {
        let store = store();
        (store.uid(), store.suffix(5))
    };
    assert_eq!(names(), names());
}

#[test]
fn lists_are_ordered_and_keep_to_their_namespace() {
    let store = store();
    for (namespace, name) in [("b", "x"), ("a", "z"), ("a", "y"), ("ab", "w")] {
        store.create(&PODS, pod(namespace, name)).unwrap();
    }
    let names = |namespace| -> Vec<String> {
        store.list(&PODS, namespace).iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(None), ["y", "z", "w", "x"]);
    assert_eq!(names(Some("a")), ["y", "z"]);
    assert_eq!(names(Some("c")), [""; 0]);
}

#[test]
fn an_update_that_changes_nothing_makes_no_revision() {
    let store = store();
    let made = store.create(&PODS, pod("a", "x")).unwrap();
    let key = Key::namespaced(&PODS, "a", "x");
    let same = store.update::<StoreError>(&key, None, |_| Ok(())).unwrap();
    assert_eq!(same, made);
    let stale = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let change = |object: &mut Value| {
        object["spec"]["nodeName"] = "n".into();
        Ok(())
    };
    assert!(store.update::<StoreError>(&key, Some(&stale), change).is_ok());
    assert_eq!(store.update::<StoreError>(&key, Some(&stale), change), Err(StoreError::Conflict(key.clone())));
    let failed = store.update::<StoreError>(&key, None, |object| {
        *object = Value::Null;
        Err(StoreError::NoName)
    });
    assert_eq!(failed, Err(StoreError::NoName));
    assert_eq!(store.get(&key).unwrap()["spec"]["nodeName"], "n");
}

#[test]
fn a_watch_sees_every_change_in_order() {
    let store = store();
    let from = store.revision();
    let key = Key::namespaced(&PODS, "a", "x");
    store.create(&PODS, pod("a", "x")).unwrap();
    store.create(&GroupResource::of("", "nodes"), json!({"metadata": {"name": "n"}})).unwrap();
    store
        .update::<StoreError>(&key, None, |object| {
            object["spec"]["a"] = 1.into();
            Ok(())
        })
        .unwrap();
    let removed = store.remove(&key).unwrap();
    let mut watch = store.watch(Some(PODS), Some(from)).unwrap();
    let kinds: Vec<Change> = std::iter::from_fn(|| next(&mut watch)).map(|event| event.kind).collect();
    assert_eq!(kinds, [Change::Added, Change::Modified, Change::Deleted]);
    assert_eq!(removed["metadata"]["resourceVersion"], store.revision().to_string());
    assert_eq!(store.remove(&key), Err(StoreError::NotFound(key)));
}

#[test]
fn a_watch_wakes_and_ends_with_a_restore() {
    let store = store();
    let snapshot = store.snapshot();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut watch = store.watch(None, None).unwrap();
        let (event, ()) = tokio::join!(watch.next(), async {
            tokio::task::yield_now().await;
            store.create(&PODS, pod("a", "x")).unwrap();
        });
        assert_eq!(event.unwrap().kind, Change::Added);
        let before = store.revision();
        let (end, ()) = tokio::join!(watch.next(), async {
            tokio::task::yield_now().await;
            store.restore(&snapshot);
        });
        assert!(end.is_none());
        assert!(store.revision() > before);
        assert!(store.watch(None, Some(before)).is_err());
    });
    assert!(store.list(&PODS, None).is_empty());
}

#[test]
fn changes_are_forgotten_and_then_gone() {
    let store = store();
    let from = store.revision();
    let mut slow = store.watch(None, None).unwrap();
    store.create(&PODS, pod("a", "x")).unwrap();
    let key = Key::namespaced(&PODS, "a", "x");
    for round in 0..HISTORY {
        store
            .update::<StoreError>(&key, None, |object| {
                object["spec"]["round"] = round.into();
                Ok(())
            })
            .unwrap();
    }
    assert!(store.watch(None, Some(from)).is_err());
    assert!(slow.try_next().is_err());
    assert!(store.watch(None, Some(store.revision() + 1)).is_err());
}

#[test]
fn a_snapshot_survives_being_written() {
    let store = store();
    store.create(&PODS, pod("a", "x")).unwrap();
    let text = serde_json::to_string(&store.snapshot()).unwrap();
    let read: StoreSnapshot = serde_json::from_str(&text).unwrap();
    let other = Store::seeded(Clock::real(), 1);
    other.restore(&read);
    assert_eq!(other.list(&PODS, None), store.list(&PODS, None));
    assert_eq!(other.uid(), store.uid());
    assert!(other.revision() > store.revision());
}
