//! Keys at random in every state: nothing panics, and nothing that a terminal would obey comes through.

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{FIRST, SECOND, model, state, step_report};
use crate::front::tui::update;
use crate::front::tui::view::{Cache, view};
use crate::session::{Cause, Completions, Event, StepState, TryReport};
use crate::shell::HookPhase;
use crate::tools::StdStream;

const KEYS: &[KeyCode] = &[
    KeyCode::Enter,
    KeyCode::Esc,
    KeyCode::Tab,
    KeyCode::BackTab,
    KeyCode::Backspace,
    KeyCode::Up,
    KeyCode::Down,
    KeyCode::Left,
    KeyCode::Right,
    KeyCode::PageUp,
    KeyCode::PageDown,
    KeyCode::Home,
    KeyCode::End,
    KeyCode::F(1),
];

const HOSTILE: &[&str] = &[
    "\u{1b}]52;c;aGFjaw==\u{7}",
    "\u{1b}]0;title\u{7}",
    "\u{1b}P$q q\u{1b}\\",
    "\u{9b}31m",
    "\u{1b}[2J\u{1b}[?1049l",
    "\u{202e}txt",
    "\r\r\u{8}\u{8}",
    "e\u{301}\u{301}\u{301} \u{1f469}\u{200d}\u{1f467} 漢字\t\t|",
    "no end of line",
    "\n\n\n",
];

#[test]
fn ten_thousand_events_in_every_state() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut model = model();
    let mut cache = Cache::default();
    let mut size = (80, 24);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a test backend");
    let mut shown = 0;
    for number in 0..10_000 {
        match random.u32(0..20) {
            0..12 => {
                let code = if random.bool() {
                    KEYS[random.usize(..KEYS.len())]
                } else {
                    KeyCode::Char(char::from(random.u8(b' '..=b'~')))
                };
                let control = if random.u8(..8) == 0 { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
                update::input(&mut model, &Input::Key(KeyEvent::new(code, control)));
            }
            12 => {
                let kinds =
                    [MouseEventKind::ScrollDown, MouseEventKind::ScrollUp, MouseEventKind::Down(MouseButton::Left)];
                let kind = kinds[random.usize(..3)];
                let (column, row) = (random.u16(..200), random.u16(..60));
                update::input(
                    &mut model,
                    &Input::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }),
                );
            }
            13 => {
                size = (random.u16(1..180), random.u16(1..60));
                update::input(&mut model, &Input::Resize(size.0, size.1));
                terminal = Terminal::new(TestBackend::new(size.0, size.1)).expect("a test backend");
            }
            14 => {
                let text = HOSTILE[random.usize(..HOSTILE.len())];
                update::input(&mut model, &Input::Paste(text.to_owned()));
                update::event(&mut model, Event::Notice { text: text.to_owned() });
            }
            15 => {
                let id = if random.bool() { FIRST } else { SECOND };
                // The session has taken control sequences out.
                let text = crate::session::plain(HOSTILE[random.usize(..HOSTILE.len())].as_bytes());
                let command = (random.u8(..4) > 0).then_some(0);
                update::event(&mut model, Event::Output { id, command, stream: StdStream::Stdout, text });
            }
            17 => match random.u8(..5) {
                0 => update::event(
                    &mut model,
                    Event::TryBegun { command: HOSTILE[random.usize(..HOSTILE.len())].into() },
                ),
                1 => {
                    let text = crate::session::plain(HOSTILE[random.usize(..HOSTILE.len())].as_bytes());
                    update::event(&mut model, Event::TryOutput { stream: StdStream::Stderr, text });
                }
                2 => {
                    let report = TryReport {
                        exit_status: 1,
                        cause: random.bool().then_some(Cause::Cancelled),
                        calls: Vec::new(),
                    };
                    update::event(&mut model, Event::TryDone { report });
                }
                3 => {
                    let commands = vec!["a\nb".to_owned(), "漢字 ".repeat(50)];
                    update::event(&mut model, Event::History { commands });
                }
                _ => {
                    let completions = Completions {
                        from: random.usize(..4),
                        words: vec!["one".into(), "漢字".into(), "oh no".into()],
                    };
                    update::event(&mut model, Event::Completions { number: random.u64(..40), completions });
                }
            },
            16 => {
                let cause = random.bool().then_some(Cause::Output);
                let id = if random.bool() { FIRST } else { SECOND };
                update::event(&mut model, Event::StepDone { id, report: step_report(cause, cause.is_none()) });
            }
            _ => {
                let states = [
                    StepState::Locked,
                    StepState::Ready,
                    StepState::Hook(HookPhase::Before),
                    StepState::Running(0),
                    StepState::Settling("STATUS: Pending, expected Running".into()),
                    StepState::Hook(HookPhase::After),
                    StepState::Waiting(24),
                    StepState::Passed,
                    StepState::Failed(Cause::ExitStatus),
                    StepState::Failed(Cause::Output),
                    StepState::Failed(Cause::Hook),
                    StepState::Failed(Cause::TimeLimit),
                    StepState::Failed(Cause::Cancelled),
                    StepState::Unfinished,
                ];
                let id = if random.bool() { FIRST } else { SECOND };
                update::event(&mut model, state(id, states[random.usize(..states.len())].clone()));
            }
        }
        model.quit = false;
        model.wishes.clear();
        if number % 4 == 0 {
            terminal.draw(|frame| view(frame, &mut model, &mut cache)).expect("drawn");
            let buffer = terminal.backend().buffer();
            let obeyed =
                |cell: &ratatui::buffer::Cell| cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}');
            let bad = buffer.content().iter().find(|cell| obeyed(cell));
            assert!(bad.is_none(), "{bad:?} is on the screen after {number} events");
            shown += usize::from(buffer.content().iter().any(|cell| cell.symbol() != " "));
        }
    }
    assert!(shown > 2000, "only {shown} drawings showed anything");
}
