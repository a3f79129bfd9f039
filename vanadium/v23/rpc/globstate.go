package rpc

// GlobState holds the ways in which an object can be searched. If both are set, AllGlobber is used.
type GlobState struct {
	AllGlobber      AllGlobber
	ChildrenGlobber ChildrenGlobber
}

// NewGlobState returns the GlobState of the object, or nil if it implements neither AllGlobber nor ChildrenGlobber.
func NewGlobState(obj interface{}) *GlobState {
	all, hasAll := obj.(AllGlobber)
	children, hasChildren := obj.(ChildrenGlobber)
	if !hasAll && !hasChildren {
		return nil
	}
	return &GlobState{AllGlobber: all, ChildrenGlobber: children}
}
