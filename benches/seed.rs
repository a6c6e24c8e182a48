//! A whole lesson graded, from page to verdict, in one process: the bundled course at `--speed 1000`.

use std::path::Path;
use std::sync::Arc;

use lectern::clock::session_runtime;
use lectern::lesson::{Course, StepId};
use lectern::session::{Event, Request, Setup, StepState};
use lectern::target::Kind;
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
        keep: false,
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
