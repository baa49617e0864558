//! The people directory: what spreadsheets write, and what is never guessed.

use punchgate_model::{Credential, DeviceName};
use punchgate_rules::{
    Directory, Groups, Person, Resolution,
    directory::{Remark, What},
};

const HEADER: &str = "person,device,credential,kind,name,department\n";

fn read(rows: &str) -> (Directory, Vec<(u64, What)>) {
    let (directory, problems) = Directory::parse(format!("{HEADER}{rows}").as_bytes());
    (directory, problems.into_iter().map(|p| (p.line, p.what)).collect())
}

fn enrolled(number: &str) -> Credential {
    Credential::Enrol(number.into())
}

fn who(directory: &Directory, device: &str, credential: &Credential) -> Resolution {
    directory.resolve(&DeviceName::new(device), credential)
}

fn person(name: &str) -> Resolution {
    Resolution::Person(Person::new(name))
}

#[test]
fn a_number_belongs_to_its_device_and_a_star_to_all() {
    let (directory, problems) = read("E001,gate-1,7,enrol,Li Wei,plant\nE002,*,0012345678,card,Zhang Min,office\n");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(who(&directory, "gate-1", &enrolled("7")), person("E001"));
    assert_eq!(who(&directory, "gate-2", &enrolled("7")), Resolution::Unknown);
    assert_eq!(
        who(&directory, "gate-2", &Credential::Card("0012345678".into())),
        person("E002")
    );
    assert_eq!(
        who(&directory, "gate-2", &enrolled("0012345678")),
        Resolution::Unknown,
        "a card is no enrolment"
    );
    assert_eq!(directory.name(&"E001".into()), Some("Li Wei"));
    assert!(directory.belongs(&"E001".into(), "plant") && !directory.belongs(&"E001".into(), "office"));
}

#[test]
fn a_row_for_the_device_goes_before_one_for_all() {
    let (directory, _) = read("E001,*,7,enrol,,\nE002,gate-1,7,enrol,,\n");
    assert_eq!(who(&directory, "gate-1", &enrolled("7")), person("E002"));
    assert_eq!(who(&directory, "gate-2", &enrolled("7")), person("E001"));
}

#[test]
fn a_person_named_by_the_source_needs_no_row_and_nobody_is_nobody() {
    let directory = Directory::default();
    assert_eq!(
        who(&directory, "wecom", &Credential::Person("E001".into())),
        person("E001")
    );
    assert_eq!(who(&directory, "wecom", &Credential::Nobody), Resolution::Unknown);
}

#[test]
fn leading_zeros_count_and_are_remarked_on() {
    let (directory, problems) = read("E001,gate-1,7,enrol,,\nE002,gate-1,0007,enrol,,\n");
    assert!(problems.is_empty());
    assert_eq!(who(&directory, "gate-1", &enrolled("7")), person("E001"));
    assert_eq!(who(&directory, "gate-1", &enrolled("0007")), person("E002"));
    assert_eq!(who(&directory, "gate-1", &enrolled("007")), Resolution::Unknown);
    let remarks = directory.lint();
    assert!(
        matches!(&remarks[..], [Remark::LeadingZeros { credentials, .. }] if credentials.len() == 2),
        "{remarks:?}"
    );
}

#[test]
fn a_number_with_two_people_is_reported_and_nobody_is_guessed() {
    let (directory, problems) = read("E001,gate-1,1024,enrol,,\nE002,gate-1,1024,enrol,,\n");
    assert_eq!(
        problems,
        [(
            3,
            What::TwoPeople {
                with: 2,
                credential: enrolled("1024")
            }
        )]
    );
    assert_eq!(who(&directory, "gate-1", &enrolled("1024")), Resolution::Ambiguous);
    assert_eq!(who(&directory, "gate-1", &enrolled("1024")).person(), None);
    assert!(matches!(directory.lint()[..], [Remark::TwoPeople { .. }]));
    assert!(
        !directory.lint()[0].to_string().contains("1024"),
        "numbers print masked"
    );
}

#[test]
fn two_files_can_disagree_as_two_rows_can() {
    let (mut directory, _) = read("E001,gate-1,1024,enrol,,\n");
    directory.extend(read("E002,gate-1,1024,enrol,,\n").0);
    assert_eq!(who(&directory, "gate-1", &enrolled("1024")), Resolution::Ambiguous);
}

#[test]
fn a_person_may_have_two_numbers_on_one_device() {
    let (directory, problems) = read("E001,gate-1,7,enrol,Li Wei,\nE001,gate-1,8,enrol,Li Wei,\n");
    assert!(problems.is_empty());
    assert_eq!(who(&directory, "gate-1", &enrolled("8")), person("E001"));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_the_rest_counts() {
    let (directory, problems) = read(concat!(
        "E001,gate-1,7,enrol,Li Wei,plant\n",
        "E001,gate-1,7,enrol,Li Wei,office\n",
        "E002,gate-1,,enrol,,\n",
        "\n",
        "E003,gate-1,9,finger,,\n",
        ",,,,,\n",
        "E004,gate-1\n",
        "E005,gate-1,10,enrol,,\n",
    ));
    let expected = [
        (3, What::TwoDepartments { with: 2 }),
        (3, What::Duplicate { of: 2 }),
        (4, What::Blank("credential")),
        (6, What::UnknownKind("finger".into())),
        (8, What::Blank("credential")),
    ];
    assert_eq!(problems, expected);
    assert_eq!(who(&directory, "gate-1", &enrolled("10")), person("E005"));
    assert_eq!(
        directory.departments(&"E001".into()).collect::<Vec<_>>(),
        ["office", "plant"]
    );
}

#[test]
fn a_missing_column_is_named_and_an_order_of_columns_is_free() {
    let (directory, problems) = Directory::parse(b"person,device,kind,name\nE001,*,enrol,Li Wei\n");
    assert!(directory.is_empty());
    assert_eq!(problems[0].what, What::NoColumn("credential"));
    let (directory, problems) = Directory::parse(b"kind, credential ,device,person\r\nenrol, 7 ,*,E001\r\n");
    assert_eq!((directory.len(), problems.len()), (1, 0));
    let (directory, problems) = Directory::parse(b"");
    assert!(directory.is_empty() && problems.len() == 4);
}

#[test]
fn a_byte_order_mark_and_gbk_are_read() {
    let (directory, problems) = Directory::parse(format!("\u{feff}{HEADER}E001,*,7,enrol,李伟,生产部\n").as_bytes());
    assert!(problems.is_empty());
    assert_eq!(directory.name(&"E001".into()), Some("李伟"));
    // 李伟 and 生产部 in GBK
    let mut gbk = format!("{HEADER}E001,*,7,enrol,").into_bytes();
    gbk.extend(b"\xc0\xee\xce\xb0,\xc9\xfa\xb2\xfa\xb2\xbf\n");
    let (directory, problems) = Directory::parse(&gbk);
    assert_eq!(problems[0].what, What::Gbk);
    assert!(problems[0].what.is_warning());
    assert_eq!(directory.name(&"E001".into()), Some("李伟"));
    assert!(directory.belongs(&"E001".into(), "生产部"));
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    for bytes in [
        &b"\xff\xff\xff"[..],
        b"\"",
        b"person,device,credential,kind\n\"",
        b"\xef\xbb\xbf",
        b"\0\0,\n\n,,",
    ] {
        let (directory, _) = Directory::parse(bytes);
        assert!(directory.is_empty());
    }
}

#[test]
fn gbk_names_the_line_where_it_begins_and_unknown_columns_are_told() {
    let mut bytes =
        b"person,device,credential,kind,name,department,shoe\r\nE001,*,0007,enrol,Otto,,44\r\nE002,*,0008,enrol,"
            .to_vec();
    bytes.extend_from_slice(&[0xc0, 0xee, 0xce, 0xb0]);
    bytes.extend_from_slice(b",,43\r\n");
    let (directory, problems) = Directory::parse(&bytes);
    assert_eq!(directory.name(&"E002".into()), Some("\u{674e}\u{4f1f}"));
    let told: Vec<(u64, &What)> = problems.iter().map(|problem| (problem.line, &problem.what)).collect();
    assert_eq!(told, [(3, &What::Gbk), (1, &What::UnknownColumn("shoe".into()))]);
}

#[test]
fn a_number_that_a_spreadsheet_has_rounded_is_no_number() {
    let text = b"person,device,credential,kind\nE001,*,1.02E+09,card\nE002,*,12E45,card\nE003,*,7\x007,enrol\n";
    let (directory, problems) = Directory::parse(text);
    let told: Vec<(u64, &What)> = problems.iter().map(|problem| (problem.line, &problem.what)).collect();
    assert_eq!(told, [(2, &What::Rounded), (4, &What::Unprintable)]);
    assert_eq!(directory.len(), 1, "letters are part of a number");
}

#[test]
fn a_directory_as_csv_reads_back_to_the_same_and_differs_from_another_by_what_changed() {
    let text = "person,device,credential,kind,name,department\nE001,*,0007,enrol,\"Li, Wei\",office\nE001,gate,0007,enrol,,\n\
                E002,gate,0008,enrol,Otto,office\nE002,gate,0008,enrol,Otto,store\nE003,gate,0009,card,,\n";
    let directory = Directory::parse(text.as_bytes()).0;
    assert_eq!(Directory::parse(directory.to_csv().as_bytes()).0, directory);
    assert!(directory.difference(&directory).is_empty());
    let other = text
        .replace("E003,gate,0009", "E004,gate,0009")
        .replace("E001,gate,0007,enrol,,\n", "");
    let difference = directory.difference(&Directory::parse((other + "E005,*,1,card,,\n").as_bytes()).0);
    let sizes = (
        difference.added.len(),
        difference.removed.len(),
        difference.passed_on.len(),
    );
    assert_eq!((sizes, difference.described.len()), ((1, 1, 1), 0));
}

#[test]
fn a_hundred_thousand_rows_are_read_and_compared_in_seconds() {
    let mut text = String::from("person,device,credential,kind,name,department\n");
    for row in 0..100_000 {
        text.push_str(&format!("E{row:06},*,{row:08},card,Somebody,office\n"));
    }
    let began = std::time::Instant::now();
    let (directory, problems) = Directory::parse(text.as_bytes());
    assert!(directory.difference(&directory).is_empty() && problems.is_empty());
    assert_eq!((directory.len(), directory.lint().len()), (100_000, 0));
    // Unoptimised, on a machine that does other work.
    assert!(
        began.elapsed() < std::time::Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
}
