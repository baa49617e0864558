//! The driver and a simulated terminal in one room, under one clock.

mod room;

use std::time::Duration;

use punchgate_kit::{Fault, NotStored, Recovery, Remark, Simulator, Stage, Wish};
use punchgate_model::{Credential, Direction, Factor, Origin};
use punchgate_zk_tcp::{
    Knobs, Options, VerifyTable, codec::Code, codec::Layout, codec::UserLayout, options::StateMeans,
};
use room::{Room, key, options};

#[tokio::test(start_paused = true)]
async fn a_terminal_is_greeted_and_its_stored_log_read() {
    let mut room = Room::new(Knobs::default());
    room.punches(3);
    room.talk_for(5).await;
    let readings = room.readings();
    assert_eq!(readings.len(), 3);
    assert!(readings.iter().all(|reading| reading.origin == Origin::Log));
    let first = readings.first().expect("a reading");
    assert_eq!(first.credential, Credential::Enrol("00001".into()));
    assert_eq!(first.factor, Factor::Fingerprint);
    assert_eq!(first.direction, Direction::Unknown, "nobody said what the state means");
    assert_eq!(first.details.get("state").map(String::as_str), Some("0"));
    let remarks = room.remarks();
    assert!(remarks.contains(&Remark::Identity {
        serial: "PGSIM00000042".into(),
        about: "PG-SIM, ZMM220_TFT, Ver 6.60 Apr 28 2017".into()
    }));
    for stage in [
        Stage::Reachable,
        Stage::Authenticated,
        Stage::Counted,
        Stage::Decoded,
        Stage::Stored,
    ] {
        assert!(remarks.contains(&Remark::Reached(stage)), "{stage:?}");
    }
    assert_eq!(room.downloads(), [(3, 3, true)]);
}

#[tokio::test(start_paused = true)]
async fn a_live_punch_is_stored_before_it_is_acknowledged() {
    let mut room = Room::new(Knobs::default());
    room.talk_for(5).await;
    room.desk.fail_with(Some(NotStored::DiskFull));
    room.punches(1);
    let fault = room.talk_until_it_ends().await.expect_err("nothing can be stored");
    assert_eq!(fault, Fault::NotStored(NotStored::DiskFull));
    assert_eq!(room.sim.ledger().acknowledged.len(), 0);
    room.desk.fail_with(None);
    room.talk_for(2).await;
    room.break_link().await;
    room.talk_for(2).await;
    room.punches(1);
    room.talk_for(1).await;
    assert_eq!(room.sim.ledger().acknowledged.len(), 2);
    assert_eq!(room.distinct(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_punch_seen_live_and_in_the_log_is_one_punch() {
    for (record, event) in [
        (Layout::Forty, 32),
        (Layout::FortyNine, 36),
        (Layout::Sixteen, 12),
        (Layout::EightA, 10),
    ] {
        let knobs = Knobs {
            record,
            event,
            user: if event < 32 {
                UserLayout::Short
            } else {
                UserLayout::Long
            },
            ..Knobs::default()
        };
        let mut room = Room::new(knobs);
        room.talk_for(2).await;
        room.punches(4);
        room.talk_for(10).await;
        assert_eq!(room.distinct(), 4, "{record:?} live");
        room.wish(Wish::Pull).await.expect("pulled");
        assert_eq!(room.readings().len(), 8, "{record:?}");
        assert_eq!(room.distinct(), 4, "{record:?}");
        assert_eq!(room.keys(), room.issued(), "{record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_record_and_user_layout_is_told_apart() {
    for record in Layout::ALL {
        for user in UserLayout::ALL {
            for sizes in [80, 92, 112] {
                let knobs = Knobs {
                    record,
                    user,
                    sizes,
                    ..Knobs::default()
                };
                let mut room = Room::new(knobs);
                room.punches(250);
                room.talk_for(10).await;
                assert_eq!(room.keys(), room.issued(), "{record:?} {user:?} {sizes}");
                assert_eq!(room.downloads(), [(250, 250, true)], "{record:?} {user:?} {sizes}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_count_that_is_off_does_not_hide_the_layout() {
    for record in Layout::ALL {
        for count_off in [-1, 1, 200] {
            let mut room = Room::new(Knobs {
                record,
                count_off,
                ..Knobs::default()
            });
            room.punches(40);
            room.talk_for(20).await;
            assert_eq!(room.keys(), room.issued(), "{record:?} {count_off}");
            let records = u64::try_from(40 + count_off).expect("positive");
            assert_eq!(
                room.downloads(),
                [(40, records, false)],
                "{record:?}: reported as incomplete"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_log_that_claims_to_be_empty_is_read() {
    let mut room = Room::new(Knobs {
        counts_nothing: true,
        sizes: 112,
        ..Knobs::default()
    });
    room.punches(40);
    room.talk_for(5).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn the_right_comm_key_opens() {
    let mut room = Room::new(Knobs {
        comm_key: 2468,
        ..Knobs::default()
    });
    room.options = options(serde_json::json!({"comm_key": "2468"}));
    room.punches(1);
    room.talk_for(2).await;
    assert_eq!(room.distinct(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_comm_key_stops_and_says_what_to_change() {
    for wrong in [serde_json::json!({"comm_key": "1357"}), serde_json::json!({})] {
        let mut room = Room::new(Knobs {
            comm_key: 2468,
            ..Knobs::default()
        });
        room.options = options(wrong);
        let fault = room.talk_until_it_ends().await.expect_err("refused");
        assert_eq!(fault.recovery(), Recovery::Park);
        let Fault::NeedsPerson { code, mend, .. } = fault else {
            panic!("{fault}")
        };
        assert_eq!(code, "wrong-comm-key");
        assert!(mend.contains("comm_key of gate-1"), "{mend}");
        let tries = room.sim.commands().iter().filter(|code| **code == Code::AUTH).count();
        assert_eq!(tries, 1, "no loop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_log_comes_in_every_size_of_frame() {
    for frame in [1008, 1024, 65536] {
        let mut room = Room::new(Knobs {
            frame,
            ..Knobs::default()
        });
        room.punches(3000);
        room.talk_for(20).await;
        assert_eq!(room.keys(), room.issued(), "{frame}");
        assert_eq!(room.sim.ledger().acknowledged.len(), 3000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminal_without_the_modern_way_is_read_the_old_way() {
    for (record, user) in [(Layout::Forty, UserLayout::Long), (Layout::EightB, UserLayout::Short)] {
        let mut room = Room::new(Knobs {
            legacy: true,
            record,
            user,
            frame: 1008,
            ..Knobs::default()
        });
        room.punches(500);
        room.talk_for(10).await;
        assert_eq!(room.keys(), room.issued(), "{record:?}");
        assert_eq!(room.downloads(), [(500, 500, true)]);
    }
}

#[tokio::test(start_paused = true)]
async fn events_between_question_and_answer_confuse_nobody() {
    let mut room = Room::new(Knobs {
        chatty: true,
        frame: 1008,
        pause: Duration::from_millis(20),
        ..Knobs::default()
    });
    room.punches(500);
    room.talk_for(1).await;
    room.punches(20);
    room.talk_for(60).await;
    assert_eq!(room.keys(), room.issued());
    assert!(
        room.downloads().iter().all(|(_, _, complete)| *complete),
        "{:?}",
        room.downloads()
    );
}

#[tokio::test(start_paused = true)]
async fn punches_during_a_download_are_neither_lost_nor_doubled() {
    let mut room = Room::new(Knobs {
        frame: 1008,
        pause: Duration::from_millis(50),
        ..Knobs::default()
    });
    room.punches(1000);
    for _ in 0..6 {
        room.talk_for(1).await;
        room.punches(1);
    }
    room.talk_for(60).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn impossible_dates_keep_their_numbers() {
    let mut room = Room::new(Knobs {
        invalid_every: 3,
        ..Knobs::default()
    });
    room.punches(30);
    room.talk_for(5).await;
    let impossible: Vec<_> = room
        .readings()
        .into_iter()
        .filter_map(|r| r.device_time)
        .filter(|t| t.civil.is_none())
        .collect();
    assert_eq!(impossible.len(), 10);
    assert!(impossible.iter().all(|time| time.printed.starts_with("2026-02-30T")));
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn a_log_of_nothing_but_impossible_dates_is_still_read() {
    let mut room = Room::new(Knobs {
        invalid_every: 1,
        ..Knobs::default()
    });
    room.punches(30);
    room.talk_for(5).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn a_clock_in_2000_or_2099_is_reported_as_it_stands() {
    for stands in ["2000-01-01T00:00:00", "2099-12-31T23:59:59"] {
        let mut room = Room::new(Knobs {
            clock_stands: stands.parse().ok(),
            ..Knobs::default()
        });
        room.punches(2);
        room.talk_for(5).await;
        assert!(
            room.readings()
                .iter()
                .all(|r| r.device_time.as_ref().is_some_and(|t| t.printed == stands))
        );
        let clocks = room
            .remarks()
            .into_iter()
            .filter(|r| matches!(r, Remark::Clock { shows, .. } if shows.printed == stands));
        assert!(clocks.count() >= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn equal_punches_of_one_download_are_counted() {
    let mut room = Room::new(Knobs {
        twice_every: 2,
        ..Knobs::default()
    });
    room.punches(10);
    room.talk_for(5).await;
    let occurrences: Vec<u32> = room
        .readings()
        .iter()
        .map(|r| r.occurrence)
        .filter(|n| *n > 0)
        .collect();
    assert_eq!(occurrences.len(), room.issued().len() - room.distinct_keys());
    let before = room.distinct();
    room.wish(Wish::Pull).await.expect("pulled");
    assert_eq!(room.distinct(), before, "the same ordinals the next time");
}

#[tokio::test(start_paused = true)]
async fn empty_records_are_remarked_on_and_the_rest_is_read() {
    let mut room = Room::new(Knobs {
        zero_every: 2,
        ..Knobs::default()
    });
    room.punches(100);
    room.talk_for(5).await;
    assert_eq!(room.keys(), room.issued());
    let garbled = room
        .remarks()
        .iter()
        .filter(|r| matches!(r, Remark::Garbled(_)))
        .count();
    assert_eq!(garbled, 20, "a few of them");
    assert!(
        room.remarks()
            .iter()
            .any(|r| matches!(r, Remark::Unexpected(why) if why.starts_with("30 more")))
    );
}

#[tokio::test(start_paused = true)]
async fn a_stray_second_size_before_the_first_record_is_passed_over() {
    let mut room = Room::new(Knobs {
        doubled_size: true,
        ..Knobs::default()
    });
    room.punches(100);
    room.talk_for(5).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_withholds_records_is_reported_and_what_came_is_kept() {
    let mut room = Room::new(Knobs {
        withholds: 400,
        frame: 1008,
        ..Knobs::default()
    });
    room.punches(1000);
    room.talk_for(120).await;
    assert_eq!(room.distinct(), 990);
    assert_eq!(room.downloads().first(), Some(&(990, 1000, false)));
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_falls_silent_is_given_up_after_two_questions() {
    let mut room = Room::new(Knobs {
        stalls_after: 12,
        ..Knobs::default()
    });
    room.punches(5);
    let fault = room.talk_until_it_ends().await.expect_err("silence");
    assert!(fault.to_string().contains("silent"), "{fault}");
    assert_eq!(fault.recovery(), Recovery::Again);
}

#[tokio::test(start_paused = true)]
async fn a_reboot_amid_a_download_costs_nothing() {
    for frames in 1..30 {
        let mut room = Room::new(Knobs {
            hangs_up_after: frames,
            frame: 1008,
            ..Knobs::default()
        });
        room.punches(300);
        room.talk_until_it_ends().await.expect_err("the terminal hung up");
        room.talk_for(10).await;
        assert_eq!(room.keys(), room.issued(), "after {frames} frames");
        assert_eq!(room.distinct(), 300);
    }
}

#[tokio::test(start_paused = true)]
async fn lost_datagrams_are_asked_for_again() {
    for lost_every in [29, 41, 97] {
        let mut room = Room::new(Knobs {
            lost_every,
            frame: 1024,
            ..Knobs::default()
        });
        room.options = options(serde_json::json!({"patience": "500ms"}));
        room.punches(1500);
        for _ in 0..5 {
            room.talk_for(60).await;
        }
        assert_eq!(room.keys(), room.issued(), "every {lost_every}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_checksums_are_remarked_on_once_and_believed() {
    let mut room = Room::new(Knobs {
        damaged_every: 1,
        ..Knobs::default()
    });
    room.punches(10);
    room.talk_for(5).await;
    assert_eq!(room.keys(), room.issued());
    assert_eq!(
        room.remarks()
            .iter()
            .filter(|r| matches!(r, Remark::Garbled(_)))
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_checksums_are_dropped_and_asked_again_where_that_is_wanted() {
    let mut room = Room::new(Knobs {
        damaged_every: 5,
        ..Knobs::default()
    });
    room.options = options(serde_json::json!({"strict_checksum": true, "patience": "500ms"}));
    room.punches(10);
    room.talk_for(30).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn leading_zeros_and_letters_of_user_ids_are_kept() {
    let mut room = Room::new(Knobs::default());
    for id in ["0", "007", "0000000001", "A0098", "123456789012345678901234"] {
        room.punch(id, Factor::Fingerprint, Direction::In);
    }
    room.talk_for(5).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn the_state_is_a_direction_only_where_that_is_configured() {
    let mut room = Room::new(Knobs::default());
    room.options = Options {
        direction: Some(StateMeans::State),
        ..Options::default()
    };
    room.punch("E001", Factor::Face, Direction::Out);
    room.punch("E001", Factor::Card, Direction::In);
    room.talk_for(5).await;
    let directions: Vec<_> = room.readings().iter().map(|r| r.direction).collect();
    assert_eq!(directions, [Direction::Out, Direction::In]);
}

#[tokio::test(start_paused = true)]
async fn old_platforms_use_the_old_verify_types() {
    let mut room = Room::new(Knobs {
        platform: "ZEM560_TFT".into(),
        ..Knobs::default()
    });
    room.punch("1", Factor::Card, Direction::In);
    room.talk_for(5).await;
    let readings = room.readings();
    assert_eq!(readings.first().map(|r| r.factor), Some(Factor::Card));
    assert_eq!(
        readings
            .first()
            .and_then(|r| r.details.get("verify"))
            .map(String::as_str),
        Some("2")
    );
    assert_eq!(room.options.verify_table, VerifyTable::Auto);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_count_is_not_read_again_before_its_time() {
    let mut room = Room::new(Knobs::default());
    room.punches(10);
    room.talk_for(30 * 60).await;
    assert_eq!(room.downloads().len(), 1);
    room.talk_for(31 * 60).await;
    assert_eq!(room.downloads().len(), 2, "once an hour");
}

#[tokio::test(start_paused = true)]
async fn punches_that_came_live_do_not_cause_a_download() {
    let mut room = Room::new(Knobs::default());
    room.talk_for(5).await;
    for _ in 0..10 {
        room.punches(1);
        room.talk_for(20).await;
    }
    assert_eq!(room.downloads().len(), 1);
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn punches_without_events_are_found_by_the_count() {
    let mut room = Room::new(Knobs {
        event: 0,
        ..Knobs::default()
    });
    room.talk_for(5).await;
    room.punches(7);
    room.talk_for(31).await;
    assert_eq!(room.keys(), room.issued());
    assert_eq!(room.downloads().last(), Some(&(7, 7, true)));
}

#[tokio::test(start_paused = true)]
async fn a_cleared_log_is_noticed_and_read_again() {
    let mut room = Room::new(Knobs::default());
    room.punches(10);
    room.talk_for(5).await;
    room.sim.clear();
    room.talk_for(40).await;
    assert!(
        room.remarks()
            .iter()
            .any(|r| matches!(r, Remark::Event { name, .. } if name == "log-shrank"))
    );
    assert_eq!(room.downloads().last(), Some(&(0, 0, true)));
    assert_eq!(room.distinct(), 10, "what was read stays");
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set_to_the_civil_time_of_the_place_and_read_back() {
    let mut room = Room::new(Knobs {
        zone: "Asia/Shanghai".into(),
        clock_offset: -86_400,
        ..Knobs::default()
    });
    room.talk_for(5).await;
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
    let told = room.wish(Wish::SetClock { zone }).await.expect("set");
    assert!(told.contains("shows 2026-03-02T08:00:0"), "{told}");
    let commands = room.sim.commands();
    let set = commands.iter().position(|c| *c == Code::SET_TIME).expect("set");
    assert_eq!(
        commands.get(set + 1..set + 3),
        Some(&[Code::REFRESHDATA, Code::GET_TIME][..])
    );
}

#[tokio::test(start_paused = true)]
async fn the_gateway_says_goodbye_when_it_closes() {
    let mut room = Room::new(Knobs::default());
    room.punches(3);
    room.close_after(10).await.expect("a clean end");
    assert_eq!(room.sim.commands().last(), Some(&Code::EXIT));
}

#[tokio::test(start_paused = true)]
async fn a_terminal_is_never_disabled_and_its_log_never_cleared() {
    let mut room = Room::new(Knobs {
        frame: 1008,
        ..Knobs::default()
    });
    room.punches(100);
    room.talk_for(7200).await;
    room.wish(Wish::Pull).await.expect("pulled");
    let forbidden = [Code::DISABLEDEVICE, Code::CLEAR_ATTLOG, Code::CLEAR_DATA, Code::RESTART];
    assert!(room.sim.commands().iter().all(|code| !forbidden.contains(code)));
    assert_eq!(room.sim.records(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_surplus_byte_in_the_greeting_is_ignored() {
    let mut room = Room::new(Knobs {
        surplus: true,
        ..Knobs::default()
    });
    room.punches(1);
    room.talk_for(2).await;
    assert_eq!(room.keys(), room.issued());
}

#[tokio::test(start_paused = true)]
async fn what_the_ledger_holds_as_acknowledged_was_stored() {
    let mut room = Room::new(Knobs {
        frame: 1008,
        ..Knobs::default()
    });
    room.punches(50);
    room.talk_for(5).await;
    room.punches(5);
    room.talk_for(5).await;
    let mut acknowledged = room.sim.ledger().acknowledged;
    acknowledged.sort();
    assert_eq!(acknowledged, room.issued());
    let stored: std::collections::BTreeSet<String> = room.readings().iter().map(key).collect();
    assert!(acknowledged.iter().all(|punch| stored.contains(punch)));
}

/// Every look at the log shows its rows, so that another log is known for what it is.
#[tokio::test(start_paused = true)]
async fn a_log_that_came_whole_shows_its_rows_before_they_are_reported_and_one_that_did_not_shows_none() {
    let mut room = Room::new(Knobs::default());
    room.punches(40);
    room.talk_for(5).await;
    let shown = |room: &Room| -> Vec<usize> {
        let rows = |remark: Remark| match remark {
            Remark::LogRead { rows } => Some(rows.len()),
            _ => None,
        };
        room.remarks().into_iter().filter_map(rows).collect()
    };
    assert_eq!(shown(&room), [40]);
    let mut torn = Room::new(Knobs {
        withholds: 400,
        frame: 1008,
        ..Knobs::default()
    });
    torn.punches(1000);
    torn.talk_for(120).await;
    assert_eq!(shown(&torn), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_does_not_agree_with_its_count_is_read_again_less_and_less_often() {
    let mut room = Room::new(Knobs {
        count_off: 1,
        ..Knobs::default()
    });
    room.punches(40);
    room.talk_for(20).await;
    assert_eq!(room.downloads().len(), 1);
    room.talk_for(40).await;
    assert_eq!(room.downloads().len(), 2, "at the next look");
    room.talk_for(3_600).await;
    let read = room.downloads().len();
    assert!((5..12).contains(&read), "{read} times in an hour");
}
