package lint

// exemptions is what the rules let pass on purpose.
var exemptions = []Exemption{
	{Rule: "words", File: "CONTRIBUTING.md", Reason: "names the words that it forbids"},
}
