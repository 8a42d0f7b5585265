// Upstream's own code behind a pipe: reads one JSON request a line from stdin, and writes one answer a line to stdout.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
	"k8s.io/kms/pkg/util"
)

// request is everything that any operation takes; each reads its part.
type request struct {
	Op          string            `json:"op"`
	Handle      int               `json:"handle"`
	Text        string            `json:"text"`
	API         string            `json:"api"`
	TimeoutMs   int               `json:"timeout_ms"`
	AAD         []byte            `json:"aad"`
	Bytes       []byte            `json:"bytes"`
	KeyID       string            `json:"key_id"`
	Annotations map[string][]byte `json:"annotations"`
}

// answer is everything that any operation gives.
type answer struct {
	OK          bool              `json:"ok"`
	Error       string            `json:"error,omitempty"`
	Handle      int               `json:"handle,omitempty"`
	Text        string            `json:"text,omitempty"`
	Bytes       []byte            `json:"bytes,omitempty"`
	Stale       bool              `json:"stale,omitempty"`
	Version     string            `json:"version,omitempty"`
	Healthz     string            `json:"healthz,omitempty"`
	KeyID       string            `json:"key_id,omitempty"`
	Annotations map[string][]byte `json:"annotations,omitempty"`
}

// closer ends whatever a handle stands for.
type closer interface{ close() }

var (
	handles    = map[int]closer{}
	lastHandle int
)

func hold(held closer) answer {
	lastHandle++
	handles[lastHandle] = held
	return answer{Handle: lastHandle}
}

func held[T closer](r *request) (T, error) {
	held, ok := handles[r.Handle].(T)
	if !ok {
		return held, fmt.Errorf("handle %d is no %T", r.Handle, held)
	}
	return held, nil
}

var operations = map[string]func(*request) (answer, error){
	"load":     load,
	"seal":     seal,
	"open":     open,
	"endpoint": endpoint,
	"connect":  connect,
	"status":   status,
	"encrypt":  encrypt,
	"decrypt":  decrypt,
	"serve":    serve,
	"rotate":   rotate,
	"health":   health,
	"close":    closeHandle,
}

func endpoint(r *request) (answer, error) {
	path, err := util.ParseEndpoint(r.Text)
	return answer{Text: path}, err
}

func closeHandle(r *request) (answer, error) {
	held, err := held[closer](r)
	if err == nil {
		held.close()
		delete(handles, r.Handle)
	}
	return answer{}, err
}

// perform runs one operation. Upstream panics on some values; that is its way to refuse them.
func perform(r *request) (a answer) {
	defer func() {
		if reason := recover(); reason != nil {
			a = answer{Error: fmt.Sprintf("panic: %v", reason)}
		}
	}()
	operation, ok := operations[r.Op]
	if !ok {
		return answer{Error: "no such operation: " + r.Op}
	}
	a, err := operation(r)
	if err != nil {
		return answer{Error: err.Error()}
	}
	a.OK = true
	return a
}

func run() error {
	// What upstream logs is not for the pipe, and says nothing that the answers do not.
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	if err := flags.Parse([]string{"-logtostderr=false", "-stderrthreshold=FATAL"}); err != nil {
		return err
	}
	klog.SetOutput(discard{})
	if err := utilfeature.DefaultMutableFeatureGate.Set("KMSv1=true"); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return err
		}
		if err := out.Encode(perform(&r)); err != nil {
			return err
		}
	}
	return lines.Err()
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
