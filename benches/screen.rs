//! The screen in a terminal, from outside: how long until its first frame, how long from a key to what it changes while output
//! streams, and what it costs to wait. It drives the real program through a pty.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::{Screen, World};

fn main() {
    let mut first: Vec<Duration> = (0..10).map(|_| first_frame(&[])).collect();
    report("first frame, bundled course", &mut first);
    if let Ok(shared) = oracles::find("shared") {
        let corpus = shared.join("corpus/website").display().to_string();
        let mut first: Vec<Duration> = (0..10).map(|_| first_frame(&[&corpus])).collect();
        report("first frame, corpus", &mut first);
    }
    keys_while_output_streams();
    idle();
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    println!("{what}: median {:?}, 99th percentile {:?}, most {:?}", at(50), at(99), at(100));
}

fn first_frame(course: &[&str]) -> Duration {
    let world = World::new();
    let began = Instant::now();
    let arguments: Vec<&str> = ["learn"].iter().chain(course).copied().collect();
    let mut screen = world.terminal(24, &arguments);
    while !screen.text().contains("quit") {
        assert!(!screen.read_for(Duration::from_secs(10)), "it ended:\n{}", screen.text());
    }
    let took = began.elapsed();
    quit(&mut screen);
    took
}

fn quit(screen: &mut Screen) {
    screen.until("the session", |text| !text.contains("Starting"));
    screen.press("qq");
    screen.end();
}

fn keys_while_output_streams() {
    let world = World::new();
    let page = world.path("page.md");
    let step = "```bash timeout=600\n$ x=$(printf '%0100d' 0); while :; do printf \"$x%.0s\\n\" {1..500}; done\n```\n";
    let prose = (1..200).map(|number| format!("Line {number} of the page.\n\n")).collect::<String>();
    std::fs::write(&page, format!("---\ntitle: Page\n---\n{step}\n{prose}")).expect("written");
    let mut screen = world.terminal(24, &["learn", &page.display().to_string()]);
    screen.until_text("Enter run");
    screen.press("\r");
    screen.until_text("Esc cancel");
    let mut times = Vec::new();
    for number in 0..200 {
        let wanted = if number % 2 == 0 { "What to do" } else { "What to do " };
        let began = Instant::now();
        screen.press(if number % 2 == 0 { ":" } else { "\u{1b}" });
        let open = number % 2 == 0;
        while screen.text().contains(wanted) != open {
            screen.read_for(Duration::from_millis(100));
            assert!(began.elapsed() < Duration::from_secs(10), "{}", screen.text());
        }
        times.push(began.elapsed());
        screen.read_for(Duration::from_millis(5));
    }
    report("key to frame while output streams", &mut times);
    screen.press("\u{3}");
    screen.until_text("Enter try again");
    quit(&mut screen);
}

/// What the program costs while nothing happens: its processor time over three seconds, of Linux' own account.
fn idle() {
    let world = World::new();
    let mut screen = world.terminal(24, &["learn"]);
    screen.until_text("Enter go on");
    screen.read_for(Duration::from_millis(500));
    let ticks = |screen: &Screen| -> Option<u64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", screen.child.process_id()?)).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    let before = ticks(&screen);
    let drawn = screen.raw.len();
    std::thread::sleep(Duration::from_secs(3));
    screen.read_for(Duration::from_millis(10));
    match (before, ticks(&screen)) {
        (Some(before), Some(after)) => println!(
            "idle for 3 s: {} clock ticks of the processor, {} bytes drawn",
            after - before,
            screen.raw.len() - drawn
        ),
        _ => println!("idle: not measured here"),
    }
    screen.press("q");
    screen.end();
}
