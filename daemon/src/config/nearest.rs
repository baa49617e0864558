//! "Did you mean …": the nearest of the words that would have been understood.

/// The known word that is nearest to `got`, if it is near enough to be worth saying.
pub(crate) fn nearest<'a>(got: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let got = got.to_lowercase();
    let (word, likeness) = known
        .into_iter()
        .map(|word| (word, strsim::jaro_winkler(&got, &word.to_lowercase())))
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (likeness >= 0.75).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_nonsense_is_not() {
        let known = ["window", "unrelated_after", "order"];
        assert_eq!(nearest("windwo", known).as_deref(), Some("window"));
        assert_eq!(nearest("zzzz", known), None);
    }
}
