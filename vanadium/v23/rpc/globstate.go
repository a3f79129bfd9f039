package rpc

import (
	"slices"

	"v.io/v23/context"
	"v.io/v23/glob"
	"v.io/v23/naming"
)

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

// ChildrenGlobberInvoker returns an Invoker of an object that has no methods, but the children below it. It makes the
// inner names of a server visible that otherwise has objects only at its leaves.
func ChildrenGlobberInvoker(children ...string) Invoker {
	return ReflectInvokerOrDie(&parent{children: slices.Clone(children)})
}

// parent is an object with children.
type parent struct {
	children []string
}

// GlobChildren__ implements ChildrenGlobber.
func (p *parent) GlobChildren__(_ *context.T, call GlobChildrenServerCall, matcher *glob.Element) error {
	sender := call.SendStream()
	for _, child := range p.children {
		if !matcher.Match(child) {
			continue
		}
		if err := sender.Send(naming.GlobChildrenReplyName{Value: child}); err != nil {
			return err
		}
	}
	return nil
}
