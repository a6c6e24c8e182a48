//! A whole lesson graded, from page to verdict, in one process: the bundled course at `--speed 1000`. And what goes with each of its
//! steps: a snapshot of a sandbox of a thousand objects, with the changes that the next step makes.

use std::path::Path;
use std::sync::Arc;

use lectern::clock::{Clock, session_runtime};
use lectern::lesson::{Course, StepId};
use lectern::sandbox::cluster::object::resources;
use lectern::sandbox::{Sandbox, Scenario};
use lectern::session::{Event, How, Request, Setup, StepState};
use lectern::target::{Kind, Programs};
use tokio::sync::mpsc;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn bundled_course_at_speed_1000() -> usize {
    let named = Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons");
    let course = Arc::new(Course::open(&named).expect("the bundled course"));
    let setup = Setup {
        course,
        named,
        kind: Kind::Sandbox,
        scenario: None,
        maps: Vec::new(),
        speed: 1000.0,
        no_wait: false,
        programs: Programs::default(),
        how: How::default(),
        keep: false,
        look: None,
    };
    let prepared = setup.prepare().expect("a session");
    let runtime = session_runtime(prepared.clock()).expect("a runtime");
    runtime.block_on(async {
        let mut session = prepared.open().await.expect("a session");
        let steps: Vec<StepId> = session.machine().executed().collect();
        let (requests, asked) = mpsc::unbounded_channel();
        let (tell, mut events) = mpsc::unbounded_channel();
        requests.send(Request::Run(steps[0])).expect("asked");
        let mut passed = 0;
        let run = session.run(asked, tell);
        let lead = async {
            while let Some(event) = events.recv().await {
                if let Event::Step { id, state: StepState::Passed } = event
                    && steps.get(passed) == Some(&id)
                {
                    passed += 1;
                    let next = steps.get(passed).map_or(Request::Quit, |id| Request::Run(*id));
                    requests.send(next).expect("asked");
                }
                if let Event::Step { id, state: StepState::Failed(cause) } = event {
                    panic!("{id:?} failed: {cause:?}");
                }
            }
        };
        let (ended, ()) = tokio::join!(run, lead);
        ended.expect("no error");
        assert_eq!(passed, steps.len());
    });
    1
}

#[divan::bench]
fn snapshot_of_a_thousand_objects(bencher: divan::Bencher<'_, '_>) {
    let clock = Clock::accelerated(1000.0);
    let runtime = session_runtime(&clock).expect("a runtime");
    let scenario = Scenario::default_bundled().expect("a scenario");
    let sandbox = runtime.block_on(Sandbox::start(&scenario, &clock)).expect("a sandbox");
    let store = sandbox.cluster().store();
    let map = |number: usize| {
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("map-{number}"), "namespace": "default"}, "data": {"a": "b"}})
    };
    for number in 0..1000 {
        store.create(&resources::CONFIG_MAPS, map(number)).expect("made");
    }
    let mut next = 1000;
    let mut held = None;
    bencher.bench_local(|| {
        // The first change after a snapshot pays for the sharing.
        held = Some(runtime.block_on(sandbox.snapshot()).expect("a snapshot"));
        store.create(&resources::CONFIG_MAPS, map(next)).expect("made");
        next += 1;
    });
}
