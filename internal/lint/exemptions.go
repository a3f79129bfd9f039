package lint

// exemptions is what the rules let pass on purpose.
var exemptions = []Exemption{
	{Rule: "words", File: "CONTRIBUTING.md", Reason: "names the words that it forbids"},
	{
		Rule: "struct-size", File: "vanadium/v23/vom/internal/golden/kv.go", Subject: "Entry",
		Reason: "has a field for each kind of type, as the recorded vectors have",
	},
	{
		Rule: "struct-size", File: "core/message.go", Subject: "Message",
		Reason: "is one fixed struct for all kinds, so that it needs no codec for each",
	},
	{
		Rule: "struct-size", File: "vanadium/v23/vdl/reflect_test.go", Subject: "everything",
		Reason: "has a field for each kind of type",
	},
}
