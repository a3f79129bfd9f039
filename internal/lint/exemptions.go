package lint

// exemptions is what the rules let pass on purpose.
var exemptions = []Exemption{}
